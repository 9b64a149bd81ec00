"""A tick has much to remove while clients ask and refresh: nobody is refused, and what it cost is printed."""

import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from issuer.model.client import GrantType
from issuer.registry import clients
from issuer.registry.clients import ClientChange
from issuer.store import db as database
from issuer.store.tables import ClientRow, RevokedTokenRow
from tests.flows import servers, shop
from tests.flows.servers import Server
from tests.flows.shop import Account

BASELINE_ANSWERS = 300
_ISSUER = Path(sys.executable).with_name("issuer")


@dataclass
class Asker:
    """Asks for tokens, or refreshes again and again, until told to stop. answers: status and seconds."""

    server: Server
    account: Account
    stopping: threading.Event
    refresh_token: str | None = None
    answers: list[tuple[int, float]] = field(default_factory=list)

    def run(self) -> None:
        """Ask until told to stop."""
        while not self.stopping.is_set():
            given = (
                {"resource": shop.SHIPPING}
                if self.refresh_token is None
                else {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
            )
            answer = self.server.ask_token(self.account.client_id, self.account.secret, **given)
            self.answers.append((answer.status, answer.seconds))
            self.refresh_token = answer.json.get("refresh_token", self.refresh_token)


@pytest.fixture
def server(database_url, tmp_path) -> Iterator[Server]:
    environment = servers.make_environment(tmp_path, database_url, workers=2, tick="off")
    with servers.running(tmp_path, environment) as running:
        yield running


@pytest.fixture
def account(server) -> Account:
    """Give a client that may refresh."""
    found = shop.open_shop(server.environment)
    grants = frozenset({GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN})
    with shop.registrar(server.environment) as clerk:
        change = ClientChange(grant_types=grants, may_use_offline_access=True)
        clients.change_client(clerk, found.client_id, change)
    offline = {"resource": shop.SHIPPING, "scope": "offline_access"}
    ask = lambda: server.ask_token(found.client_id, found.secret, **offline)  # noqa: E731 - asked until it holds
    servers.wait_until(lambda: "refresh_token" in ask().json)
    return found


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Give the function that prints a line of the result, whatever is captured."""

    def write(line: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"{line}\n")

    return write


@pytest.mark.parametrize(
    "rows", [pytest.param(5_000, id="5,000"), pytest.param(100_000, id="100,000", marks=pytest.mark.soak)]
)
def test_no_request_is_refused_while_a_tick_removes_much(server, account, rows, say):
    add_expired(server, rows)
    offline = {"resource": shop.SHIPPING, "scope": "offline_access"}
    pair = server.ask_token(account.client_id, account.secret, **offline).json
    stopping = threading.Event()
    asker = Asker(server, account, stopping)
    refresher = Asker(server, account, stopping, pair["refresh_token"])

    threads = [threading.Thread(target=each.run) for each in (asker, refresher)]
    for thread in threads:
        thread.start()
    try:
        servers.wait_until(lambda: min(len(asker.answers), len(refresher.answers)) > BASELINE_ANSWERS, 120)
        before = len(asker.answers), len(refresher.answers)
        tick(server)
        during = asker.answers[before[0] :], refresher.answers[before[1] :]
    finally:
        stopping.set()
        for thread in threads:
            thread.join()

    where = server.environment["ISSUER_DATABASE_URL"].partition(":")[0]
    say(f"{rows} expired rows, {where}, p99 before and while ticking:")
    say(f"client_credentials {p99(asker.answers[: before[0]])} ms, {p99(during[0])} ms ({len(during[0])})")
    say(f"refresh_token {p99(refresher.answers[: before[1]])} ms, {p99(during[1])} ms ({len(during[1])})")
    assert {status for status, _ in (*asker.answers, *refresher.answers)} == {200}
    assert left(server) == 0


def tick(server: Server) -> None:
    subprocess.run([_ISSUER, "tick"], env=server.environment, check=True, capture_output=True, timeout=300)


def add_expired(server: Server, rows: int) -> None:
    with shop.opened(server.environment) as engine, database.writing(engine) as connection:
        key = connection.execute(select(func.min(ClientRow.key))).scalar_one()
        connection.execute(
            insert(RevokedTokenRow),
            [{"jti": f"jti-{n}", "client_key": key, "revoked_at": 1, "expires_at": 2} for n in range(rows)],
        )


def left(server: Server) -> int:
    with shop.opened(server.environment) as engine, database.reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(RevokedTokenRow)).scalar_one()


def p99(answers: list[tuple[int, float]]) -> float:
    """Return the 99th percentile in milliseconds."""
    return round(statistics.quantiles([seconds * 1000 for _, seconds in answers], n=100)[98], 1)
