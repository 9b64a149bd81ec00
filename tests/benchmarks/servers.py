"""The servers that are compared: each started on a core of its own, with one client and one key a kind.

Every server has the same client, scope and resources, so that one request fits all of them.
"""

import base64
import contextlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.benchmarks import load, processes
from tests.peers.node import NodePeers

SCOPE = "read"
RESOURCES = {"ES256": "https://orders.example", "RS256": "https://billing.example"}
JWKS = load.Request("GET", "/.well-known/jwks.json")

_PEERS = Path(__file__).with_name("peers")
_PROGRAMS = Path(sys.executable).parent
_THREADS = 8
_START_SECONDS = 30
# Alembic's templates load it where it is: 5 MB that a server of its own does not have.
_TEST_PACKAGES = ("pygments",)
_POLL_SECONDS = 0.05
_MASTER_KEY = base64.urlsafe_b64encode(bytes(range(32))).decode("ascii")
# More than connections: wrk asks for a request that it never sends.
_REFRESH_TOKENS_A_RUN = 2 * load.CONNECTIONS
_PEER_CLIENT = ("benchmark", "a-secret-of-43-characters-as-the-issuer-s-are")


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs. port: on 127.0.0.1."""

    name: str
    process: subprocess.Popen
    port: int
    client_id: str
    client_secret: str
    draw_refresh_tokens: Callable[[], list[str]] = list

    def token_request(self, alg: str) -> load.Request:
        """Return the request for a token of the resource whose tokens are signed with alg."""
        return token_request(self.client_id, self.client_secret, RESOURCES[alg])

    def refresh_request(self, alg: str) -> load.Request:
        """Return the request for new tokens of that resource; a refresh token belongs at its end."""
        form = {"grant_type": "refresh_token", "resource": RESOURCES[alg]}
        return _form_request("/oauth/token", self.client_id, self.client_secret, form)

    def introspection_request(self, token: str) -> load.Request:
        """Return the request that asks about an access token."""
        return _form_request("/oauth/introspect", self.client_id, self.client_secret, {"token": token})


def token_request(client_id: str, client_secret: str, resource: str, *more_scopes: str) -> load.Request:
    """Return a client_credentials request with Basic authentication, one resource and one scope or more."""
    scope = " ".join((SCOPE, *more_scopes))
    form = {"grant_type": "client_credentials", "resource": resource, "scope": scope}
    return _form_request("/oauth/token", client_id, client_secret, form)


def _form_request(path: str, client_id: str, client_secret: str, form: dict[str, str]) -> load.Request:
    credentials = base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
    headers = {
        "Authorization": f"Basic {credentials}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    return load.Request("POST", path, headers, urlencode(form))


def issuer_environment(folder: Path, port: int) -> dict[str, str]:
    """Return the environment of an issuer with its data in a folder and one worker."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ISSUER_")}
    return kept | {
        "PYTHONPATH": str(_hide_test_packages(folder)),
        "ISSUER_DATA_DIR": str(folder / "data"),
        "ISSUER_BIND": f"127.0.0.1:{port}",
        "ISSUER_WORKERS": "1",
        "ISSUER_THREADS": str(_THREADS),
    }


def _hide_test_packages(folder: Path) -> Path:
    """Return a folder for the path of imports, in which what only tests bring along cannot be imported."""
    hidden = folder / "hidden"
    for name in _TEST_PACKAGES:
        package = hidden / name
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("raise ImportError\n")
    return hidden


def register(environment: dict[str, str]) -> tuple[str, str]:
    """Register the services, audiences and the client; return client_id and client_secret."""

    def issuer(*arguments: str) -> str:
        command = [str(_PROGRAMS / "issuer"), *arguments]
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        return done.stdout

    issuer("service", "add", "shop")
    for alg, resource in RESOURCES.items():
        issuer("audience", "add", resource, "--service", "shop", "--scope", SCOPE, "--signing-alg", alg)
    grants = ["--grant", "client_credentials", "--grant", "refresh_token", "--offline-access"]
    client = json.loads(issuer("client", "add", "benchmark", *grants, "--service", "shop", "--json"))
    for resource in RESOURCES.values():
        issuer("permission", "grant", client["client_id"], resource, "--scope", SCOPE)
    return client["client_id"], client["client_secret"]


@contextlib.contextmanager
def issuer(
    folder: Path, core: int, database_url: str | None = None, name: str = "issuer"
) -> Iterator[Server]:
    """Run the issuer as `issuer serve` does, on the embedded SQLite or the migrated database of a URL."""
    port = free_port()
    environment = issuer_environment(folder / str(port), port)
    if database_url is not None:
        environment |= {"ISSUER_DATABASE_URL": database_url, "ISSUER_MASTER_KEY": _MASTER_KEY}
    command = [str(_PROGRAMS / "issuer"), "serve", "--host", "127.0.0.1", "--port", str(port)]
    with _running(command, folder, port, core, environment) as process:
        client_id, client_secret = register(environment)
        request = token_request(client_id, client_secret, RESOURCES["ES256"], "offline_access")
        yield Server(name, process, port, client_id, client_secret, lambda: _begin_families(port, request))


def _begin_families(port: int, request: load.Request) -> list[str]:
    return [
        json.loads(load.ask_once(port, request)[1])["refresh_token"] for _ in range(_REFRESH_TOKENS_A_RUN)
    ]


@contextlib.contextmanager
def node_oidc_provider(folder: Path, core: int, peers: NodePeers) -> Iterator[Server]:
    """Run node-oidc-provider in memory."""
    port = free_port()
    module = peers.place(_PEERS / "oidc_provider.mjs")
    tokens = folder / "refresh-tokens"
    pairs = [f"{alg}={resource}" for alg, resource in RESOURCES.items()]
    command = [peers.node, str(module), str(port), *_PEER_CLIENT, SCOPE, str(tokens), *pairs]
    environment = {**os.environ, "NODE_ENV": "production"}
    with _running(command, folder, port, core, environment) as process:
        unspent = iter(tokens.read_text().splitlines())
        yield Server(
            "node-oidc-provider",
            process,
            port,
            *_PEER_CLIENT,
            lambda: list(itertools.islice(unspent, _REFRESH_TOKENS_A_RUN)),
        )


@contextlib.contextmanager
def textbook(folder: Path, core: int) -> Iterator[Server]:
    """Run the textbook server under gunicorn with threads, one worker, on SQLite in WAL mode."""
    port = free_port()
    arguments = [
        str(folder / "textbook.sqlite"),
        f"http://127.0.0.1:{port}",
        *_PEER_CLIENT,
        SCOPE,
        RESOURCES["ES256"],
    ]
    target = f"textbook:create_app({', '.join(map(repr, arguments))})"
    command = [sys.executable, "-m", "gunicorn", "--no-control-socket", "--worker-class", "gthread"]
    command += ["--threads", str(_THREADS), "--workers", "1", "--bind", f"127.0.0.1:{port}"]
    command += ["--pythonpath", str(_PEERS), target]
    with _running(command, folder, port, core, dict(os.environ)) as process:
        yield Server("textbook", process, port, *_PEER_CLIENT)


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextlib.contextmanager
def _running(
    command: list[str], folder: Path, port: int, core: int, environment: dict[str, str]
) -> Iterator[subprocess.Popen]:
    # A file, not /dev/null: what a server writes to its log is part of what it costs.
    log = folder / f"{port}.log"
    with log.open("wb") as output, processes.pinned_to(core):
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_until_it_answers(process, port, log)
        yield process
    finally:
        processes.stop(process)
        log.unlink()


def _wait_until_it_answers(process: subprocess.Popen, port: int, log: Path) -> None:
    ends_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < ends_at and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            status, _ = load.ask_once(port, JWKS)
            if status == 200:
                return
        time.sleep(_POLL_SECONDS)
    raise RuntimeError(f"{process.args[:2]} does not answer:\n{log.read_text()[-2000:]}")
