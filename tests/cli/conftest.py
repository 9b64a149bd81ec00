"""Commands run in this process, on an embedded database of their own, with clock and entropy of the test."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from issuer import terminal
from issuer.clock import Clock
from issuer.entropy import Entropy

START = 1_800_000_000
ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"


class _Clock(Clock):
    def now(self) -> int:
        return START


@dataclass(frozen=True)
class Ran:
    """What a command did. out, err: what it printed on each of the two streams."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Issuer = Callable[..., Ran]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    _leave_out_settings(monkeypatch)


def _leave_out_settings(patch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("ISSUER_", "_ISSUER_"))]:
        patch.delenv(name)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Give the path of a data directory that is not there yet."""
    return tmp_path / "instance"


@pytest.fixture
def issuer(data_dir: Path, clock: Clock, entropy: Entropy) -> Issuer:
    """Give a function that runs a command: arguments, and as keywords `env` and `input`."""

    def run(*arguments: str, env: Mapping[str, str] | None = None, typed: str | None = None) -> Ran:
        environ = {"ISSUER_DATA_DIR": str(data_dir), **(env or {})}
        desk = terminal.make_desk(clock, entropy)
        result = CliRunner(env=environ).invoke(terminal.main, arguments, obj=desk, input=typed)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data directory after its first use: making an RSA key for each test would take too long."""
    path = tmp_path_factory.mktemp("template") / "instance"
    desk = terminal.make_desk(_Clock(), Entropy())
    result = CliRunner(env={"ISSUER_DATA_DIR": str(path)}).invoke(
        terminal.main, ["service", "list"], obj=desk, catch_exceptions=False
    )
    assert result.exit_code == 0
    return path


@pytest.fixture
def used(issuer: Issuer, data_dir: Path, _template: Path) -> Issuer:
    """Give `issuer` on an installation after its first use, with nothing registered."""
    shutil.copytree(_template, data_dir)
    return issuer


@pytest.fixture(scope="session")
def _shop_template(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data directory with the shop in it: four commands, which take longer than most tests."""
    path = tmp_path_factory.mktemp("shop") / "instance"
    shutil.copytree(_template, path)
    entropy = Entropy()

    def run(*arguments: str) -> None:
        desk = terminal.make_desk(_Clock(), entropy)
        with pytest.MonkeyPatch.context() as patch:
            _leave_out_settings(patch)
            result = CliRunner(env={"ISSUER_DATA_DIR": str(path)}).invoke(
                terminal.main, arguments, obj=desk, catch_exceptions=False
            )
        assert result.exit_code == 0, result.output

    for name, identifier, scopes in (
        ("Orders", ORDERS, ("orders:read", "orders:write")),
        ("Billing", BILLING, ("billing:read",)),
    ):
        run("service", "add", name, "--owner", "shop", "--trust-group", "shop")
        options = [option for scope in scopes for option in ("--scope", scope)]
        run("audience", "add", identifier, "--service", name, *options)
    return path


@pytest.fixture
def shop(issuer: Issuer, data_dir: Path, _shop_template: Path) -> Issuer:
    """Give `issuer` with the services Orders and Billing of one trust group, an audience each."""
    shutil.copytree(_shop_template, data_dir)
    return issuer


@pytest.fixture
def client_id(shop: Issuer) -> str:
    """Give the client_id of a client that is permitted orders:read at Orders."""
    added = shop("client", "add", "Reports", "--grant", "client_credentials", "--json").document
    shop("permission", "grant", added["client_id"], ORDERS, "--scope", "orders:read")
    return added["client_id"]
