"""Every answer of the token endpoint has exactly one log line, and the sums of usage agree with the lines."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from issuer.store.db import reading
from issuer.store.tables import IssuanceRow, UsageRow
from tests.flows import servers, shop
from tests.flows.conftest import Shop, migrated
from tests.flows.servers import Server
from tests.flows.shop import Account

CONNECTIONS = 8
REQUESTS = 1000
MANY_REQUESTS = 50_000

# One of each eight requests; the rest ask for what they may have.
_REFUSED = {
    1: {"audience": "nowhere"},
    3: {"scope": "unknown", "audience": shop.ORDERS},
    5: {"grant_type": "password"},
    6: {"resource": "not a uri"},
}


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server of two workers that writes a row of every issued token, too."""
    folder = tmp_path_factory.mktemp("lines")
    with migrated(request.param, folder) as url:
        environment = servers.make_environment(folder, url, workers=2, audit_issuance="database")
        with servers.running(folder, environment) as server:
            yield server


@pytest.fixture
def account(server: Server) -> Account:
    """Give a client."""
    return shop.open_shop(server.environment)


def _ask_many(server: Server, account: Account, requests: int) -> Counter[tuple[str, str]]:
    """Ask on some connections at once; return how often each request id came with each answer."""
    answers: list[tuple[str, str]] = []

    def ask(number: int) -> None:
        with servers.connection(server.port) as link:
            answers.extend(
                _ask(link, account, (number + turn) % 8) for turn in range(requests // CONNECTIONS)
            )

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(answers)


def _ask(link: http.client.HTTPConnection, account: Account, which: int) -> tuple[str, str]:
    secret = "wrong" if which == 7 else account.secret
    parameters = _REFUSED.get(which, {"audience": shop.ORDERS})
    answer = servers.ask_token(link, account.client_id, secret, **parameters)
    return answer.headers["x-request-id"], answer.json.get("error", "issued")


def _lines(server: Server) -> Counter[tuple[str, str]]:
    """Return how often each request id has a line with each outcome."""
    return Counter(
        (event["request_id"], event.get("error", "issued"))
        for event in server.events()
        if event["event"].startswith("token.")
    )


def _sums(server: Server) -> Counter[str]:
    with shop.opened(server.environment) as engine, reading(engine) as connection:
        sums: Counter[str] = Counter()
        for outcome, count in connection.execute(select(UsageRow.outcome, UsageRow.count)):
            sums[outcome] += count
        return sums


def _jtis_of_rows(server: Server) -> set[str]:
    with shop.opened(server.environment) as engine, reading(engine) as connection:
        return set(connection.execute(select(IssuanceRow.jti)).scalars())


@pytest.mark.parametrize(
    "requests", [REQUESTS, pytest.param(MANY_REQUESTS, marks=pytest.mark.soak)], ids=["ordinary", "many"]
)
def test_answers_lines_rows_and_sums_agree(server: Server, account: Account, requests: int) -> None:
    answers = _ask_many(server, account, requests)

    assert answers.total() == requests
    assert _lines(server) == answers
    assert {event["jti"] for event in server.events("token.issued")} == _jtis_of_rows(server)
    outcomes = Counter(outcome for _, outcome in answers)
    servers.wait_until(lambda: _sums(server) == outcomes, tell=lambda: (_sums(server), outcomes))


def test_no_line_holds_a_token_or_a_secret(open_shop: Shop) -> None:
    _, payload, signature = open_shop.ask_token(shop.ORDERS).split(".")
    open_shop.server.ask_token(open_shop.account.client_id, "a-wrong-secret", audience=shop.ORDERS)

    log = open_shop.server.log.read_text()
    assert open_shop.account.secret not in log
    assert "a-wrong-secret" not in log
    assert payload not in log
    assert signature not in log


def test_request_id_of_the_caller_is_in_the_answer_and_the_line(open_shop: Shop) -> None:
    account = open_shop.account
    body, headers = servers.token_request(account.client_id, account.secret, audience=shop.ORDERS)

    answer = open_shop.server.send("POST", "/oauth/token", body, {**headers, "X-Request-ID": "trace-42"})

    assert answer.headers["x-request-id"] == "trace-42"
    ids = [event["request_id"] for event in open_shop.server.events("token.issued")]
    assert ids.count("trace-42") == 1
