"""A server of ours as its users run it: a process of its own, reached over HTTP."""

import base64
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.benchmarks import processes

MASTER_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode("ascii")

# What has to come is waited for: a bound on a machine that does much else is no claim about speed.
PATIENCE_SECONDS = 120

_POLL_SECONDS = 0.02
_ISSUER = Path(sys.executable).with_name("issuer")


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. headers: by name in lower case. seconds: how long it took."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def json(self) -> dict:
        """The body, which is a JSON object."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs. environment: what it was started with.

    log: the file with what it wrote to standard output. messages: the same of standard error, or the log.
    """

    process: subprocess.Popen
    port: int
    log: Path
    environment: Mapping[str, str]
    messages: Path | None = None

    @property
    def url(self) -> str:
        """The issuer's URL."""
        return self.environment["ISSUER_URL"]

    def send(
        self,
        method: str,
        path: str,
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request on a connection of its own and return the answer."""
        with connection(self.port) as link:
            return send(link, method, path, body, headers)

    def ask_token(self, client_id: str, secret: str, **parameters: str) -> Answer:
        """Send a client_credentials request with HTTP Basic authentication."""
        with connection(self.port) as link:
            return ask_token(link, client_id, secret, **parameters)

    def events(self, name: str | None = None) -> list[dict]:
        """Return the lines of the log as objects, those of one event or all; every line is JSON."""
        lines = [json.loads(line) for line in self._log_lines()]
        return [line for line in lines if name in {None, line["event"]}]

    def worker_pids(self) -> list[int]:
        """Return the serving processes, oldest first."""
        tree = processes.list_tree(self.process.pid)
        return sorted(each.pid for each in tree if each.parent == self.process.pid)

    def wait_for_workers(self, count: int) -> list[int]:
        """Wait until all of so many workers serve, not only the one that answered first; return them."""
        wait_until(lambda: sum("Started worker-" in line for line in self._log_lines()) >= count)
        return self.worker_pids()

    def _log_lines(self) -> list[str]:
        # What follows the last end of a line is one that is just being written.
        return self.log.read_text("ascii").rpartition("\n")[0].splitlines()

    def stop(self) -> int:
        """Send SIGTERM and return the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)


@contextlib.contextmanager
def connection(port: int) -> Iterator[http.client.HTTPConnection]:
    """Open a connection to a server."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
    try:
        yield link
    finally:
        link.close()


def send(
    link: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Send one request on an open connection and return the answer."""
    begun = time.monotonic()
    link.request(method, path, body, dict(headers or {}))
    response = link.getresponse()
    content = response.read()
    names = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, names, content, time.monotonic() - begun)


def ask_token(link: http.client.HTTPConnection, client_id: str, secret: str, **parameters: str) -> Answer:
    """Send a client_credentials request with HTTP Basic authentication on an open connection."""
    body, headers = token_request(client_id, secret, **parameters)
    return send(link, "POST", "/oauth/token", body, headers)


def token_request(client_id: str, secret: str, **parameters: str) -> tuple[str, dict[str, str]]:
    """Return body and headers of a client_credentials request."""
    credentials = base64.b64encode(f"{client_id}:{secret}".encode("ascii")).decode("ascii")
    headers = {
        "Authorization": f"Basic {credentials}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return urlencode({"grant_type": "client_credentials", **parameters}), headers


def make_environment(folder: Path, database_url: str | None = None, **settings: object) -> dict[str, str]:
    """Return the environment of a server on a free port. database_url: None for the embedded database.

    settings: by their names in lower case, without ISSUER_.
    """
    port = free_port()
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ISSUER_")}
    ours = {
        "data_dir": folder / "data",
        "bind": f"127.0.0.1:{port}",
        "url": f"http://127.0.0.1:{port}",
        **({} if database_url is None else {"database_url": database_url, "master_key": MASTER_KEY}),
        **settings,
    }
    (folder / "data").mkdir(exist_ok=True, mode=0o700)
    return kept | {f"ISSUER_{name.upper()}": str(value) for name, value in ours.items()}


@contextlib.contextmanager
def running(
    folder: Path, environment: Mapping[str, str], *options: str, ready: str = "/readyz"
) -> Iterator[Server]:
    """Run `issuer serve` until `ready` says that it is; whatever it started is gone at the end."""
    port = int(environment["ISSUER_BIND"].rpartition(":")[2])
    log, messages = folder / f"{port}.log", folder / f"{port}.messages"
    with log.open("ab") as output, messages.open("ab") as errors:
        process = subprocess.Popen(
            [_ISSUER, "serve", *options],
            cwd=folder,
            env=dict(environment),
            stdout=output,
            stderr=errors,
            start_new_session=True,
        )
    server = Server(process, port, log, environment, messages)
    try:
        wait_until(lambda: _is_ready(server, ready), tell=lambda: _tell(server))
        yield server
    finally:
        processes.stop(process)


def wait_until(
    holds: Callable[[], object],
    seconds: float = PATIENCE_SECONDS,
    tell: Callable[[], object] = lambda: "it never came true",
) -> float:
    """Wait until something holds and return how many seconds that took; fail after so many seconds."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > seconds:
            raise AssertionError(f"not within {seconds} s: {tell()}")
        time.sleep(_POLL_SECONDS)
    return time.monotonic() - begun


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _is_ready(server: Server, path: str) -> bool:
    if server.process.poll() is not None:
        raise AssertionError(f"the server ended: {_tell(server)}")
    try:
        return server.send("GET", path).status == 200
    except OSError:
        return False


def _tell(server: Server) -> str:
    return "\n".join(file.read_text()[-2000:] for file in (server.messages, server.log) if file)
