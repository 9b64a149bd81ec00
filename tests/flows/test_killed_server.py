"""The whole server is killed under load, again and again: what it acknowledged holds ever after."""

import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select

from issuer.issuing.families import GRACE_SECONDS
from issuer.model.family import EndReason
from issuer.store.db import Engine, reading
from issuer.store.tables import IssuanceRow
from tests.flows import holders, servers, shop, whole
from tests.flows.conftest import migrated
from tests.flows.holders import Holder, Pair
from tests.flows.servers import Answer, Server

THREADS = 8
MOST_ANSWERS = 150
INACTIVE = b'{"active":false}'


@dataclass(slots=True)
class Ledger:
    """What one thread was told before the kill.

    held: the last pair of each family. ended: families that were given up, by a token of each. given_up:
    access tokens that were revoked. jtis: of every access token.
    """

    held: dict[str, Pair] = field(default_factory=dict)
    ended: dict[str, Pair] = field(default_factory=dict)
    given_up: list[Pair] = field(default_factory=list)
    jtis: list[str] = field(default_factory=list)

    def live_until_killed(self, holder: Holder, seed: int, told: threading.Semaphore) -> None:
        """Begin, refresh and revoke as chance has it, until the server is gone."""
        chance = random.Random(seed)
        try:
            while True:
                self._ask(holder, chance)
                told.release()
        except (OSError, http.client.HTTPException):
            return

    def _ask(self, holder: Holder, chance: random.Random) -> None:
        step = chance.random()
        if not self.held or step < 0.1:
            self._note(holder.send(holders.TOKEN, **holders.BEGINNING))
            return
        pair = chance.choice(list(self.held.values()))
        if step < 0.2:
            # Whether a revocation that is not answered took place, nobody can tell.
            del self.held[pair.family]
            taken = self.ended if _is_done(holder.revoke(pair.refresh)) else self.held
            taken[pair.family] = pair
        elif step < 0.3:
            if _is_done(holder.revoke(pair.access)):
                self.given_up.append(pair)
        else:
            self._note(holder.refresh(pair.refresh))

    def _note(self, answer: Answer) -> None:
        if _is_done(answer):
            pair = Pair.of(answer)
            self.held[pair.family] = pair
            self.jtis.append(pair.jti)


@pytest.fixture(params=["sqlite", "postgresql"])
def environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, str]]:
    """Give the environment of a server that writes a row of every token, too."""
    folder = tmp_path_factory.mktemp("killed")
    with migrated(request.param, folder) as url:
        yield servers.make_environment(folder, url, audit_issuance="database")


@pytest.mark.parametrize(
    ("kills", "workers"),
    # To start a worker costs more than all that is done to it before it is killed.
    [(10, 1), pytest.param(200, 4, marks=pytest.mark.soak)],
    ids=["ordinary", "full"],
)
def test_killed_server_keeps_what_it_acknowledged(
    environment: Mapping[str, str], tmp_path: Path, kills: int, workers: int
) -> None:
    environment = {**environment, "ISSUER_WORKERS": str(workers)}
    account = holders.add_account(environment)
    jtis: list[str] = []
    found: Counter[str] = Counter()
    late: set[str] = set()

    with shop.opened(environment) as engine:
        ledgers: list[Ledger] = []
        for number in range(kills + 1):
            with servers.running(tmp_path, environment) as server:
                holder = Holder(server.port, account)
                checked = [each for ledger in ledgers for each in _check(ledger, holder, engine)]
                found.update(kind for _, kind in checked)
                # Whoever comes back after the grace is taken for a thief.
                late |= {f"incident of {family}" for family, kind in checked if kind == "came too late"}
                assert set(whole.find_faults(engine)) <= late
                if number == kills:
                    break
                ledgers = _load_and_kill(server, holder, number)
            jtis += [jti for ledger in ledgers for jti in ledger.jtis]
        rows = _list_rows(engine)

    print(f"{kills} kills, {len(jtis)} tokens acknowledged, {dict(found)}")  # noqa: T201 - a figure
    lines = Counter(event["jti"] for event in server.events("token.issued"))
    assert {kind for kind in found if kind.startswith("lost")} == set()
    assert {jti for jti in jtis if lines[jti] != 1} == set()
    assert set(jtis) - rows == set()
    assert rows - set(lines) == set()


def _load_and_kill(server: Server, holder: Holder, number: int) -> list[Ledger]:
    """Load the server and kill all its processes at once, at any moment; return what was acknowledged."""
    told = threading.Semaphore(0)
    ledgers = [Ledger() for _ in range(THREADS)]
    threads = [
        threading.Thread(target=ledger.live_until_killed, args=(holder, THREADS * number + index, told))
        for index, ledger in enumerate(ledgers)
    ]
    for thread in threads:
        thread.start()
    for _ in range(random.Random(number).randint(1, MOST_ANSWERS)):
        assert told.acquire(timeout=servers.PATIENCE_SECONDS)
    os.killpg(server.process.pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    return ledgers


def _check(ledger: Ledger, holder: Holder, engine: Engine) -> Iterator[tuple[str, str]]:
    """Tell of each family, once for each thing of it that was acknowledged, whether that holds."""
    for pair in ledger.held.values():
        yield pair.family, _check_held(pair, holder, engine)
    for family, pair in ledger.ended.items():
        is_ended = holders.find_family(engine, family).end_reason is EndReason.REVOKED
        refused = _insist(lambda pair=pair: holder.refresh(pair.refresh))
        holds = is_ended and refused.json.get("error") == "invalid_grant"
        yield family, "revocation holds" if holds else "lost revocation of a family"
    for pair in ledger.given_up:
        told = _insist(lambda pair=pair: holder.introspect(pair.access))
        holds = told.body == INACTIVE
        yield pair.family, "revocation holds" if holds else "lost revocation of an access token"


def _check_held(pair: Pair, holder: Holder, engine: Engine) -> str:
    stored = holders.find_family(engine, pair.family)
    status = _insist(lambda: holder.refresh(pair.refresh)).status
    age_seconds = time.time() - stored.rotated_at
    if stored.ended_at is not None or stored.generation - pair.generation not in {0, 1}:
        return f"lost family: {stored.generation} stored, {pair.generation} acknowledged"
    if status == 200:
        return "refreshes"
    # The request that was under way at the kill was committed, and the server was slow to be back.
    is_late = stored.generation > pair.generation and age_seconds > GRACE_SECONDS - 1
    return "came too late" if is_late else f"lost token: {status}"


def _insist(ask: Callable[[], Answer]) -> Answer:
    """Ask until the answer is something else than "not now"."""
    answers: list[Answer] = []
    servers.wait_until(lambda: answers.append(ask()) or answers[-1].status != 503)
    return answers[-1]


def _is_done(answer: Answer) -> bool:
    # A busy machine may say "not now"; that is no promise either.
    assert answer.status in {200, 503}, answer
    return answer.status == 200


def _list_rows(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(IssuanceRow.jti)).scalars())
