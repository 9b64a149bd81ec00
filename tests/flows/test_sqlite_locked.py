"""Somebody holds SQLite's write lock: who needs it waits for a moment, then is told to come back."""

import contextlib
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows import rounds, servers, shop
from tests.flows.servers import Server
from tests.flows.shop import Account

# Of the two seconds that anybody waits: on a busy machine the rest is soon gone.
HELD_SECONDS = 0.4
REQUESTS = 64


@pytest.fixture(scope="module", params=["log", "database"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server for each value of ISSUER_AUDIT_ISSUANCE: with `database`, every token needs the lock."""
    folder = tmp_path_factory.mktemp("locked")
    environment = servers.make_environment(folder, workers=2, audit_issuance=request.param)
    with servers.running(folder, environment) as server:
        yield server


@pytest.fixture(scope="module")
def account(server: Server) -> Account:
    """Give a client that every worker knows."""
    account = shop.open_shop(server.environment)
    assert rounds.statuses(rounds.ask(server, account, shop.ORDERS)) == {200}
    return account


@contextlib.contextmanager
def _locked(server: Server) -> Iterator[sqlite3.Connection]:
    path = Path(server.environment["ISSUER_DATA_DIR"]) / "issuer.db"
    with contextlib.closing(
        sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    ) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield connection


def test_lock_held_for_a_moment_refuses_nobody(server: Server, account: Account) -> None:
    with _locked(server) as connection:
        release = threading.Timer(HELD_SECONDS, connection.execute, ("ROLLBACK",))
        release.start()
        answers = rounds.ask(server, account, shop.ORDERS, REQUESTS)
        release.join()

    assert rounds.statuses(answers) == {200}


def test_lock_held_for_long_refuses_whoever_needs_it(server: Server, account: Account) -> None:
    """No token without its record; RFC 9110 §15.6.4 tells when to come back."""
    before = len(server.events("token.issued"))

    with _locked(server):
        answers = rounds.ask(server, account, shop.ORDERS, 8)

    issued = len(server.events("token.issued")) - before
    if server.environment["ISSUER_AUDIT_ISSUANCE"] == "log":
        assert (rounds.statuses(answers), issued) == ({200}, 8)
    else:
        assert {(answer.status, answer.headers.get("retry-after")) for answer in answers} == {(503, "1")}
        assert issued == 0


def test_all_is_well_once_the_lock_is_gone(server: Server, account: Account) -> None:
    assert rounds.statuses(rounds.ask(server, account, shop.ORDERS)) == {200}
    assert server.send("GET", "/readyz").status == 200
    assert server.events("request.failed") == []
