"""The wheel, installed where nothing of the checkout can be seen: as users of a release have it.

Nothing is downloaded: the wheel is built with what is installed, and a path file lends the new
environment the libraries of this one.
"""

import contextlib
import json
import os
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.benchmarks import processes
from tests.flows import servers
from tests.flows.servers import Server

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment with the wheel in it. wheel: the file. program: the console script."""

    folder: Path
    wheel: Path

    @property
    def program(self) -> Path:
        """The console script `issuer`."""
        return self.folder / "bin" / "issuer"

    def run(
        self, *arguments: str, cwd: Path, environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a command and return what it printed."""
        return subprocess.run(
            [self.program, *arguments],
            cwd=cwd,
            env=bare_environment() | dict(environment or {}),
            capture_output=True,
            text=True,
            timeout=servers.PATIENCE_SECONDS,
            check=False,
        )

    @contextlib.contextmanager
    def serving_demo(
        self,
        *,
        cwd: Path,
        log: Path,
        environment: Mapping[str, str] | None = None,
        inside: Sequence[str] = (),
    ) -> Iterator["DemoServer"]:
        """Run `issuer serve --demo` on a free port from its first answer on. inside: what runs it."""
        port = servers.free_port()
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*inside, self.program, "serve", "--demo", "--json", "--port", str(port)],
                cwd=cwd,
                env=bare_environment() | dict(environment or {}),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        server = Server(process, port, log, {"ISSUER_URL": f"http://127.0.0.1:{port}"})
        try:
            servers.wait_until(lambda: _is_ready(server), tell=lambda: log.read_text()[-3000:])
            yield DemoServer(server, _read_document(log)["demo"]["clients"])
        finally:
            processes.stop(process)


@dataclass(frozen=True, slots=True)
class DemoServer:
    """A server of the demo. clients: those that it printed, the one for Orders only first."""

    server: Server
    clients: list[dict]

    def ask_token(self, identifier: str, which: int = 0) -> str:
        """Return an access token for an audience."""
        client = self.clients[which]
        answer = self.server.ask_token(client["client_id"], client["client_secret"], resource=identifier)
        assert answer.status == 200, answer.body
        return answer.json["access_token"]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build the wheel and install it into an environment of its own."""
    folder = tmp_path_factory.mktemp("installed")
    _pip("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, _ROOT)
    wheel = next(folder.glob("issuer-*.whl"))
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    packages = next((environment / "lib").glob("python3*")) / "site-packages"
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib") + "\n")
    _pip("--python", environment / "bin" / "python", "install", "--no-deps", "--no-index", wheel)
    return Installed(environment, wheel)


def bare_environment() -> dict[str, str]:
    """Return this process's environment without anything that leads to the checkout or sets us up."""
    left_out = ("ISSUER_", "PYTHON", "VIRTUAL_ENV", "TEST_", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


def _pip(*arguments: object) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def _read_document(log: Path) -> dict:
    """Return the JSON document that stands before the log lines."""
    document, _ = json.JSONDecoder().raw_decode(log.read_text())
    return document


def _is_ready(server: Server) -> bool:
    assert server.process.poll() is None, server.log.read_text()[-3000:]
    try:
        return server.send("GET", "/readyz").status == 200
    except OSError:
        return False
