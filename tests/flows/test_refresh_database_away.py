"""PostgreSQL goes away under refreshes and comes back: nothing is used up, nobody waits, nothing is lost.

The database is never stopped: a proxy before it is cut, or hangs.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from sqlalchemy import make_url

from issuer.store.db import Engine
from tests.flows import holders, servers, shop
from tests.flows.conftest import migrated
from tests.flows.cutting_proxy import CuttingProxy, Rule, Towards, cutting, pass_on
from tests.flows.holders import Holder, Pair
from tests.flows.servers import Answer, Server
from tests.flows.tcp_proxy import TcpProxy, proxied

CHAINS = 8
ROUNDS_AWAY = 2
# A connection is waited for at most half a second and two more, a statement as long: the rest is for
# machines that do much else, and far from the time that a client waits.
NOT_LONG_SECONDS = 10
# Told by memory: no connection is waited for, which would take two seconds.
AT_ONCE_SECONDS = 1.5


@dataclass(slots=True)
class Refresher:
    """Refreshes one family without end; after a refusal it presents the same token again."""

    pair: Pair
    gone: threading.Event
    failed: list[Answer] = field(default_factory=list)
    refused: list[Answer] = field(default_factory=list)
    good: int = 0

    def run(self, holder: Holder) -> None:
        """Refresh until told to end."""
        while not self.gone.is_set():
            answer = holder.refresh(self.pair.refresh)
            if answer.status == 200:
                self.pair = Pair.of(answer)
                self.good += 1
            else:
                (self.refused if answer.status < 500 else self.failed).append(answer)
                # Refused at once, it would ask without pause.
                self.gone.wait(0.05)


@dataclass(frozen=True, slots=True)
class Outage:
    """What was seen. away: answers to refreshes. tokens: to client_credentials meanwhile.

    back_seconds: from the end of the outage until every chain was refreshed again.
    """

    away: list[Answer]
    tokens: list[Answer]
    refused: list[Answer]
    revocations: list[Answer]
    introspections: list[Answer]
    back_seconds: float
    revoked_after: list[Answer]
    workers_before: list[int]
    workers_after: list[int]
    events: list[dict]


@pytest.fixture(scope="module", params=["cut", "hang"])
def outage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outage]:
    """Take the database away from a server under refreshes, and give it back."""
    folder = tmp_path_factory.mktemp("outage")
    with migrated("postgresql", folder) as text:
        url = make_url(text)
        with proxied(url.port or 5432) as proxy:
            through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
            environment = servers.make_environment(folder, through, workers=4)
            account = holders.add_account(environment)
            with servers.running(folder, environment) as server:
                yield _watch(server, Holder(server.port, account), proxy, request.param)


def _watch(server: Server, holder: Holder, proxy: TcpProxy, how: str) -> Outage:
    workers = server.wait_for_workers(4)
    gone = threading.Event()
    chains = [Refresher(holder.begin(), gone) for _ in range(CHAINS)]
    idle = holder.begin()
    threads = [threading.Thread(target=chain.run, args=(holder,)) for chain in chains]
    for thread in threads:
        thread.start()
    servers.wait_until(lambda: all(chain.good > 3 for chain in chains))

    getattr(proxy, how)()
    tokens, revocations, introspections = [], [], []
    servers.wait_until(
        lambda: (
            tokens.append(holder.ask_access_token())
            or (len(tokens) >= ROUNDS_AWAY and all(len(chain.failed) >= ROUNDS_AWAY for chain in chains))
        )
    )
    servers.wait_until(lambda: all(chain.failed[-1].seconds < AT_ONCE_SECONDS for chain in chains))
    revocations.append(holder.revoke(idle.refresh))
    introspections.append(holder.introspect(idle.access))

    proxy.restore()
    before = [chain.good for chain in chains]
    back_seconds = servers.wait_until(
        lambda: all(chain.good > good for chain, good in zip(chains, before, strict=True))
    )
    gone.set()
    for thread in threads:
        thread.join()
    revoked_after = []
    # Each worker looks for itself: one of them may not have seen it yet.
    servers.wait_until(lambda: revoked_after.append(holder.refresh(idle.refresh)) or _is_told(revoked_after))
    return Outage(
        away=[answer for chain in chains for answer in chain.failed],
        tokens=tokens,
        refused=[answer for chain in chains for answer in chain.refused],
        revocations=revocations,
        introspections=introspections,
        back_seconds=back_seconds,
        revoked_after=revoked_after[-1:],
        workers_before=workers,
        workers_after=server.worker_pids(),
        events=server.events(),
    )


def _is_told(answers: list[Answer]) -> bool:
    return answers[-1].status != 503


def test_refreshes_are_told_to_come_back(outage: Outage) -> None:
    """RFC 9110 §15.6.4."""
    assert {
        (answer.status, answer.headers["retry-after"], answer.json["error"]) for answer in outage.away
    } == {(503, "1", "temporarily_unavailable")}


def test_nobody_waits_for_long(outage: Outage) -> None:
    print(f"slowest {max(each.seconds for each in (*outage.away, *outage.tokens)):.2f} s")  # noqa: T201 - a figure
    assert max(answer.seconds for answer in outage.away) < NOT_LONG_SECONDS


def test_nobody_waits_once_the_outage_is_known(outage: Outage) -> None:
    """Every chain was refused at once in the end, or what is asked here would not have been asked."""
    asked = (*outage.revocations, *outage.introspections)

    assert max(answer.seconds for answer in asked) < AT_ONCE_SECONDS


def test_no_generation_is_used_up(outage: Outage) -> None:
    """The token that was presented while the database was away is good when it is back."""
    assert outage.refused == []


def test_access_tokens_go_on_from_memory(outage: Outage) -> None:
    assert len(outage.tokens) >= ROUNDS_AWAY
    assert {answer.status for answer in outage.tokens} == {200}


def test_no_revocation_is_pretended(outage: Outage) -> None:
    """RFC 7009 §2.2.1: 503, and the token is as good as before."""
    assert {answer.status for answer in outage.revocations} == {503}
    assert {answer.status for answer in outage.revoked_after} == {200}


def test_nothing_is_said_of_a_token_that_may_be_revoked(outage: Outage) -> None:
    assert {answer.status for answer in outage.introspections} == {503}


def test_every_chain_goes_on_soon_after(outage: Outage) -> None:
    assert outage.back_seconds < NOT_LONG_SECONDS


def test_no_worker_was_started_anew(outage: Outage) -> None:
    assert outage.workers_after == outage.workers_before


def test_no_request_was_a_fault(outage: Outage) -> None:
    assert [event for event in outage.events if event["event"] == "request.failed"] == []


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Holder, CuttingProxy, Engine]]:
    """Give a server whose connections to the database can be cut at a chosen word."""
    folder = tmp_path_factory.mktemp("commit")
    with migrated("postgresql", folder) as text:
        url = make_url(text)
        with cutting(url.port or 5432) as proxy:
            through = url.set(host="127.0.0.1", port=proxy.port).render_as_string(hide_password=False)
            environment = servers.make_environment(folder, through, workers=4)
            account = holders.add_account(environment)
            with servers.running(folder, environment) as server, shop.opened(environment) as engine:
                yield Holder(server.port, account), proxy, engine


@pytest.mark.parametrize("towards", [Towards.SERVER, Towards.CLIENT], ids=["before", "after"])
@pytest.mark.parametrize("word", [b"UPDATE", b"COMMIT"], ids=["update", "commit"])
def test_refresh_that_was_cut_succeeds_when_it_is_tried_again(
    database: tuple[Holder, CuttingProxy, Engine], word: bytes, towards: Towards
) -> None:
    """Before the commit the family has not moved; after it, the successor is made again.

    PostgreSQL says the word of a statement back when it is done.
    """
    holder, proxy, engine = database
    first = holder.begin()

    proxy.rule = _cut_at(word, towards)
    cut = holder.refresh(first.refresh)
    proxy.rule = pass_on
    moved_to = holders.find_family(engine, first.family).generation
    again = _come_again(holder, first)
    after = _come_again(holder, again)

    assert (cut.status, cut.headers["retry-after"]) == (503, "1")
    assert moved_to == (2 if (word, towards) == (b"COMMIT", Towards.CLIENT) else 1)
    assert (again.generation, after.generation) == (2, 3)
    assert holders.find_family(engine, first.family).generation == 3


def _come_again(holder: Holder, pair: Pair) -> Pair:
    """Refresh; a worker whose own writing was cut as well may say for a moment that the database is away."""
    answers: list[Answer] = []
    servers.wait_until(lambda: answers.append(holder.refresh(pair.refresh)) or _is_told(answers))
    return Pair.of(answers[-1])


def _cut_at(word: bytes, towards: Towards) -> Rule:
    def cut(whom: Towards, octets: bytes) -> int | None:
        return 0 if whom is towards and word in octets else None

    return cut
