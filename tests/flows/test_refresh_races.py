"""Refreshes of one token at one moment, from four processes: one winner, and nothing after a revocation."""

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from time import monotonic

import pytest

from issuer.model.family import EndReason
from issuer.store.db import Engine
from tests.flows import holders, servers, shop, volley
from tests.flows.conftest import migrated
from tests.flows.cutting_proxy import CuttingProxy, Rule, Towards, cutting
from tests.flows.holders import Holder, Pair
from tests.flows.servers import Answer, Server

RACERS = 50
INACTIVE = b'{"active":false}'
# Every part of an answer: nothing of it arrives, some of its head, of its body, all but its end.
CUTS = (0.0, 0.1, 0.5, 0.9)
RACES = pytest.mark.parametrize(
    "trials", [100, pytest.param(1000, marks=pytest.mark.soak)], ids=["ordinary", "full"]
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server of four workers."""
    folder = tmp_path_factory.mktemp("races")
    with migrated(request.param, folder) as url:
        environment = servers.make_environment(folder, url, workers=4)
        with servers.running(folder, environment) as server:
            yield server


@pytest.fixture(scope="module")
def holder(server: Server) -> Holder:
    """Give a client that holds refresh tokens."""
    return Holder(server.port, holders.add_account(server.environment))


@pytest.fixture(scope="module")
def engine(server: Server) -> Iterator[Engine]:
    """Give the server's database."""
    with shop.opened(server.environment) as engine:
        yield engine


@pytest.fixture
def proxy(server: Server) -> Iterator[CuttingProxy]:
    """Give a proxy before the server."""
    with cutting(server.port) as proxy:
        yield proxy


@RACES
def test_many_refreshes_at_once_have_one_winner(holder: Holder, engine: Engine, trials: int) -> None:
    """RFC 9700 §4.14.2: a refresh token has one successor; whoever comes second gets it, or nothing."""
    winners: Counter[int] = Counter()
    successors: Counter[int] = Counter()
    answers: Counter[str] = Counter()

    for _ in range(trials):
        first = holder.begin()
        raced = volley.fire(holder.port, [_refresh_request(holder, first)] * RACERS)
        winners[holders.find_family(engine, first.family).generation - 1] += 1
        successors[len({each.json["refresh_token"] for each in raced if each.status == 200})] += 1
        answers.update(_describe(each) for each in raced)

    print(f"winners by trial {dict(winners)}, answers {dict(answers)}")  # noqa: T201 - a figure
    assert winners == {1: trials}
    assert successors == {1: trials}
    assert set(answers) <= {"200", "400 invalid_grant"}


def test_whoever_lost_within_the_grace_holds_the_winner_s_token(holder: Holder) -> None:
    first = holder.begin()
    raced = [Pair.of(each) for each in volley.fire(holder.port, [_refresh_request(holder, first)] * RACERS)]

    assert len({each.refresh for each in raced}) == 1
    assert len({each.jti for each in raced}) == RACERS


def test_retry_gives_the_same_bytes_from_any_worker(holder: Holder) -> None:
    first = holder.begin()

    given = {Pair.of(holder.refresh(first.refresh)).refresh for _ in range(RACERS)}

    assert len(given) == 1


@dataclass(slots=True)
class Chain:
    """One family that is refreshed until it is refused: when each request began, and what came."""

    first: Pair
    enough: threading.Event = field(default_factory=threading.Event)
    pairs: list[Pair] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    last: Answer | None = None

    def refresh_until_refused(self, holder: Holder, enough: int) -> None:
        """Refresh, each time what came last."""
        self.pairs.append(self.first)
        while self.last is None:
            begun = monotonic()
            answer = holder.refresh(self.pairs[-1].refresh)
            if answer.status != 200:
                self.last = answer
                break
            self.begun.append(begun)
            self.pairs.append(Pair.of(answer))
            if len(self.pairs) > enough:
                self.enough.set()
        self.enough.set()


@RACES
def test_nothing_is_issued_after_a_revocation(holder: Holder, engine: Engine, trials: int) -> None:
    """RFC 7009 §2: the revocation takes place immediately, and the token cannot be used again after it."""
    lengths: Counter[int] = Counter()
    late, refusals, active, ends = [], Counter[str](), [], Counter[EndReason | None]()

    for number in range(trials):
        chain = Chain(holder.begin())
        racer = threading.Thread(target=chain.refresh_until_refused, args=(holder, number % 4))
        racer.start()
        chain.enough.wait(20)
        revoked = holder.revoke(chain.first.refresh)
        revoked_at = monotonic()
        after = [holder.refresh(pair.refresh) for pair in (chain.first, chain.pairs[-1])]
        racer.join()
        assert revoked.status == 200
        late += [begun for begun in chain.begun if begun > revoked_at]
        refusals.update(_describe(each) for each in [*after, chain.last] if each is not None)
        active += [pair for pair in chain.pairs if holder.introspect(pair.access).body != INACTIVE]
        ends[holders.find_family(engine, chain.first.family).end_reason] += 1
        lengths[len(chain.pairs)] += 1

    print(f"generations before the revocation {dict(sorted(lengths.items()))}, refusals {dict(refusals)}")  # noqa: T201 - a figure
    assert late == []
    assert active == []
    assert refusals == {"400 invalid_grant": 3 * trials}
    assert ends == {EndReason.REVOKED: trials}


@pytest.mark.parametrize("trials", [50, pytest.param(500, marks=pytest.mark.soak)], ids=["ordinary", "full"])
def test_client_whose_answer_was_lost_gets_it_again(
    holder: Holder, engine: Engine, proxy: CuttingProxy, trials: int
) -> None:
    """The refresh has been committed; the same token gives the same successor, which is good for the next."""
    behind = Holder(proxy.port, holder.account)
    recovered: Counter[tuple[int, bool, int]] = Counter()

    for number in range(trials):
        first = holder.begin()
        proxy.rule = _cut_answer(CUTS[number % len(CUTS)])
        _lose(behind, first)
        retried = Pair.of(holder.refresh(first.refresh))
        is_same = retried.refresh.encode("ascii") in proxy.lost[-1] or number % len(CUTS) > 1
        generation = holders.find_family(engine, first.family).generation
        recovered[(generation, is_same, holder.refresh(retried.refresh).status)] += 1

    print(f"lost {len(proxy.lost)}; generation, same successor, next status: {dict(recovered)}")  # noqa: T201 - a figure
    assert len(proxy.lost) == trials
    assert recovered == {(2, True, 200): trials}


def _refresh_request(holder: Holder, pair: Pair) -> bytes:
    return volley.form_request(holders.TOKEN, holder.headers, holders.refreshing(pair.refresh))


def _describe(answer: Answer) -> str:
    return "200" if answer.status == 200 else f"{answer.status} {answer.json['error']}"


def _cut_answer(part: float) -> Rule:
    def cut(towards: Towards, octets: bytes) -> int | None:
        return int(len(octets) * part) if towards is Towards.CLIENT else None

    return cut


def _lose(behind: Holder, pair: Pair) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        behind.refresh(pair.refresh)
