"""The load generator: wrk if it is installed, else threads of our own; 16 keep-alive connections."""

import http.client
import json
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType

from tests.benchmarks import processes

CONNECTIONS = 16
_TIMEOUT_SECONDS = 10
_SCRIPT = Path(__file__).with_name("load.lua")
_REFRESH_SCRIPT = Path(__file__).with_name("refresh.lua")


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked again and again. path starts with a slash; body is empty for GET."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    body: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it. failures: answers that are not 2xx or 3xx, and broken connections."""

    responses: int
    seconds: float
    failures: int
    p50_ms: float
    p99_ms: float


def generator_name() -> str:
    """Return which generator `run` uses."""
    return "wrk" if shutil.which("wrk") else "threads of Python (wrk is not installed)"


def run(
    port: int, request: Request, *, seconds: int, core: int, refresh_tokens: Sequence[str] = ()
) -> Outcome:
    """Ask a server on 127.0.0.1 for so long, from one core, and return what came of it.

    refresh_tokens: of one family each, more than connections; every request presents one of them or its
    successor. None where the request is the same each time.
    """
    with processes.pinned_to(core):
        wrk = shutil.which("wrk")
        if wrk is None:
            return _run_threads(port, request, seconds, refresh_tokens)
        if not refresh_tokens:
            return _run_wrk([wrk, "--script", str(_SCRIPT)], port, request, seconds, [request.method])
        with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
            file.write("".join(f"{token}\n" for token in refresh_tokens))
            file.flush()
            return _run_wrk([wrk, "--script", str(_REFRESH_SCRIPT)], port, request, seconds, [file.name])


def ask_once(port: int, request: Request) -> tuple[int, bytes]:
    """Return status and body of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
    try:
        return _ask(connection, request)
    finally:
        connection.close()


def _run_wrk(
    command: list[str], port: int, request: Request, seconds: int, first_arguments: list[str]
) -> Outcome:
    arguments = [*first_arguments, request.body]
    for name, value in request.headers.items():
        arguments += [name, value]
    limits = ["--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s"]
    url = f"http://127.0.0.1:{port}{request.path}"
    done = subprocess.run(
        [*command, *limits, url, "--", *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=seconds + _TIMEOUT_SECONDS,
    )
    return Outcome(**json.loads(done.stdout.splitlines()[-1]))


def present(request: Request, token: str) -> Request:
    """Return the request with a refresh token in it."""
    return replace(request, body=f"{request.body}&refresh_token={token}")


def _run_threads(port: int, request: Request, seconds: int, refresh_tokens: Sequence[str]) -> Outcome:
    durations: list[float] = []
    failures: list[int] = []
    ends_at = time.perf_counter() + seconds

    def ask_until_the_end(token: str | None) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_SECONDS)
        while (began := time.perf_counter()) < ends_at:
            status, body = _ask(connection, request if token is None else present(request, token))
            durations.append(time.perf_counter() - began)
            if status >= 400:
                failures.append(status)
            elif token is not None:
                token = json.loads(body)["refresh_token"]
        connection.close()

    tokens = refresh_tokens or [None] * CONNECTIONS
    threads = [threading.Thread(target=ask_until_the_end, args=(token,)) for token in tokens[:CONNECTIONS]]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    percentiles = statistics.quantiles(durations, n=100)
    return Outcome(
        responses=len(durations),
        seconds=time.perf_counter() - began,
        failures=len(failures),
        p50_ms=percentiles[49] * 1000,
        p99_ms=percentiles[98] * 1000,
    )


def _ask(connection: http.client.HTTPConnection, request: Request) -> tuple[int, bytes]:
    connection.request(request.method, request.path, request.body or None, dict(request.headers))
    response = connection.getresponse()
    return response.status, response.read()
