"""A server as its users run it, behind a proxy that can be spoiled, and the doctor who looks at both."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from issuer import terminal
from tests.flows.spoiling_proxy import SpoilingProxy

ORDERS = "https://orders.example.com"
_ISSUER = Path(sys.executable).with_name("issuer")
_START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Ran:
    """What the doctor did."""

    status: int
    items: list[dict[str, str]]
    output: str

    @property
    def wrong(self) -> list[tuple[str, str]]:
        """The names of what is not ok, with how bad it is."""
        return [(item["name"], item["health"]) for item in self.items if item["health"] != "ok"]

    def find(self, name: str) -> str:
        """Return sentence and mend of what is not ok under a name."""
        (found,) = [item for item in self.items if item["name"] == name and item["health"] != "ok"]
        return f"{found['sentence']} {found['mend']}"


@dataclass(frozen=True, slots=True)
class Site:
    """A server behind a proxy, and a client that may ask for ORDERS."""

    proxy: SpoilingProxy
    environment: dict[str, str]
    client_id: str
    secret: str

    def run(self, *arguments: str, typed: str | None = None, **settings: str) -> Ran:
        """Run the doctor; settings: ISSUER_* as this terminal has them."""
        environment = {
            **self.environment,
            **{f"ISSUER_{name.upper()}": text for name, text in settings.items()},
        }
        result = CliRunner(env=environment).invoke(
            terminal.main, ["doctor", "--json", *arguments], obj=terminal.make_desk(), input=typed
        )
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, json.loads(result.stdout).get("items", []), result.output)

    def run_with_client(self, *arguments: str, secret: str | None = None) -> Ran:
        """Run the doctor with the client and its secret."""
        return self.run("--client", self.client_id, *arguments, typed=f"{secret or self.secret}\n")


def start(folder: Path, base: str) -> tuple[Site, subprocess.Popen]:
    """Start a server whose issuer has a path, or "", and register the client; returns its process, too."""
    proxy = SpoilingProxy()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        proxy.target = free.getsockname()[1]
    environment = {
        "ISSUER_DATA_DIR": str(folder / "instance"),
        "ISSUER_URL": f"http://127.0.0.1:{proxy.port}{base}",
        "ISSUER_BIND": f"127.0.0.1:{proxy.target}",
    }
    run = _runner(environment)
    run("service", "add", "Orders", "--owner", "shop")
    run("audience", "add", ORDERS, "--service", "Orders", "--scope", "orders:read", "--scope", "orders:write")
    added = run("client", "add", "Robot", "--grant", "client_credentials")
    run(
        "permission", "grant", added["client_id"], ORDERS, "--scope", "orders:read", "--scope", "orders:write"
    )
    bare = {name: text for name, text in os.environ.items() if not name.startswith("ISSUER_")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [_ISSUER, "serve"], env=bare | environment, stdout=log, stderr=log, start_new_session=True
        )
    _wait_until_ready(f"http://127.0.0.1:{proxy.target}{base}/readyz", folder / "log")
    return Site(proxy, environment, added["client_id"], added["client_secret"]), process


def _runner(environment: dict[str, str]) -> Callable[..., dict[str, Any]]:
    def run(*arguments: str) -> dict[str, Any]:
        result = CliRunner(env=environment).invoke(
            terminal.main, [*arguments, "--json"], obj=terminal.make_desk(), catch_exceptions=False
        )
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


def _wait_until_ready(url: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                assert response.status == 200
                return
        except OSError:
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.05)
