"""PostgreSQL goes away and comes back: what goes on, for how long, and that nobody waits.

The database is never stopped: a proxy before it is cut, or hangs. Each is done once; the tests look at
what was seen meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import make_url

from tests.flows import rounds, servers, shop
from tests.flows.conftest import migrated
from tests.flows.servers import Answer
from tests.flows.shop import Account
from tests.flows.tcp_proxy import proxied

STALE_SECONDS = 5
FEW = 16
# Far from the time that a client waits, also where a machine does much else.
NOT_LONG_SECONDS = 10
# Without a restart of anything.
SOON_SECONDS = 5
AWAY, BACK = "the database is away", "the database is back"
DOCUMENTS = [
    "/.well-known/jwks.json",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
]


@dataclass(frozen=True, slots=True)
class Outage:
    """What clients saw. known: answers to a client in memory. unknown: to one that is not.

    fresh: while the registry counts as fresh. stale: after it. last_seconds: from the outage to the last
    token. back_seconds: from its end until every worker answers tokens again. told_away: by the workers,
    from the outage's beginning to its end. told_back: after it.
    """

    known_fresh: list[Answer]
    unknown_first: Answer
    unknown_later: list[Answer]
    known_stale: list[Answer]
    documents_stale: dict[str, list[Answer]]
    ready_stale: list[Answer]
    alive_stale: list[Answer]
    back_seconds: float
    unknown_back: list[Answer]
    workers_before: list[int]
    workers_after: list[int]
    events: list[dict]
    told_away: list[str]
    told_back: list[str]


@pytest.fixture(scope="module", params=["cut", "hang"])
def outage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """Take the database away from a server under requests, and give it back."""
    folder = tmp_path_factory.mktemp("outage")
    with migrated("postgresql", folder) as text:
        url = make_url(text)
        with proxied(url.port or 5432) as proxy:
            through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
            settings = {"workers": 2, "registry_stale_seconds": STALE_SECONDS}
            environment = servers.make_environment(folder, through, **settings)
            account = shop.open_shop(environment)
            with servers.running(folder, environment) as server:
                unknown = Account("nobody", "nothing")
                workers = server.wait_for_workers(2)
                assert rounds.statuses(rounds.ask(server, account, shop.ORDERS)) == {200}
                # On a busy machine a look may have come too late before; that is told, and over.
                servers.wait_until(lambda: not _is_away(_list_told(server.events())))
                told_before = len(_list_told(server.events()))

                getattr(proxy, request.param)()
                known_fresh = rounds.ask(server, account, shop.ORDERS, FEW)
                unknown_first = rounds.ask(server, unknown, shop.ORDERS, 1)[0]
                servers.wait_until(
                    lambda: rounds.statuses(rounds.ask(server, account, shop.ORDERS, FEW)) == {503}
                )
                known_stale = rounds.ask(server, account, shop.ORDERS)
                unknown_later = rounds.ask(server, unknown, shop.ORDERS)
                documents = {
                    path: rounds.run(lambda path=path: server.send("GET", path)) for path in DOCUMENTS
                }
                ready = rounds.run(lambda: server.send("GET", "/readyz"))
                alive = rounds.run(lambda: server.send("GET", "/healthz"))

                told_away = _list_told(server.events())[told_before:]
                told_before += len(told_away)

                proxy.restore()
                back_seconds = servers.wait_until(
                    lambda: rounds.statuses(rounds.ask(server, account, shop.ORDERS)) == {200}
                )
                unknown_back = rounds.ask(server, unknown, shop.ORDERS)
                # A worker answers as soon as it has seen the database, and tells of it then.
                servers.wait_until(lambda: not _is_away(_list_told(server.events())))
                yield Outage(
                    known_fresh,
                    unknown_first,
                    unknown_later,
                    known_stale,
                    documents,
                    ready,
                    alive,
                    back_seconds,
                    unknown_back,
                    workers,
                    server.worker_pids(),
                    server.events(),
                    told_away,
                    _list_told(server.events())[told_before:],
                )


def test_known_clients_go_on_at_first(outage: Outage) -> None:
    assert rounds.statuses(outage.known_fresh) == {200}


def test_unknown_client_is_refused_soon(outage: Outage) -> None:
    """Half a second for a connection that says nothing, two to find that there is no other."""
    assert outage.unknown_first.status == 503
    assert outage.unknown_first.seconds < NOT_LONG_SECONDS


def test_everyone_is_told_to_come_back_when_the_registry_is_stale(outage: Outage) -> None:
    """RFC 9110 §15.6.4."""
    assert {
        (answer.status, answer.headers["retry-after"], answer.json["error"]) for answer in outage.known_stale
    } == {(503, "1", "temporarily_unavailable")}


def test_nobody_waits_once_the_outage_is_known(outage: Outage) -> None:
    assert rounds.statuses(outage.unknown_later) == {503}
    asked = sorted(answer.seconds for answer in (*outage.unknown_later, *outage.known_stale))

    # Of every worker: whoever asked the database would wait for two seconds.
    assert asked[len(asked) * 9 // 10] < 2


@pytest.mark.parametrize("path", DOCUMENTS)
def test_documents_are_served_as_long_as_the_process_lives(outage: Outage, path: str) -> None:
    assert rounds.statuses(outage.documents_stale[path]) == {200}


def test_server_lives_but_is_not_ready(outage: Outage) -> None:
    assert rounds.statuses(outage.alive_stale) == {200}
    assert rounds.statuses(outage.ready_stale) == {503}
    assert outage.ready_stale[0].json["checks"]["registry"] == "failed"


def test_all_is_well_soon_after_the_database_is_back(outage: Outage) -> None:
    assert outage.back_seconds < SOON_SECONDS
    # Who fails so often without a name that is known is told to wait (RFC 6585 §4): by then, that is said.
    assert rounds.statuses(outage.unknown_back) <= {401, 429}


def test_no_worker_was_started_anew(outage: Outage) -> None:
    assert outage.workers_after == outage.workers_before


def test_no_request_was_a_fault(outage: Outage) -> None:
    assert [event for event in outage.events if event["event"] == "request.failed"] == []


def test_outage_and_its_end_are_told_once_by_each_worker(outage: Outage) -> None:
    assert outage.told_away == [f"{AWAY}: OperationalError"] * 2
    # Of a machine that stands still for a second a worker says the same again, and that it is over.
    assert outage.told_back[0] == BACK
    assert 2 * outage.told_back.count(BACK) == len(outage.told_back) + 2


def _is_away(told: list[str]) -> bool:
    return told.count(BACK) * 2 != len(told)


def _list_told(events: list[dict]) -> list[str]:
    return [event["message"] for event in events if event.get("logger") == "issuer.worker"]
