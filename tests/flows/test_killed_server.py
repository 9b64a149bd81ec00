"""The whole server is killed under load, again and again: what it acknowledged holds ever after."""

import http.client
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
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
ANSWERS_SECONDS = 60
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
    """Give the environment of a server of four workers that writes a row of every token, too."""
    folder = tmp_path_factory.mktemp("killed")
    with migrated(request.param, folder) as url:
        yield servers.make_environment(folder, url, workers=4, audit_issuance="database")


@pytest.mark.parametrize("kills", [10, pytest.param(100, marks=pytest.mark.soak)], ids=["ordinary", "full"])
def test_killed_server_keeps_what_it_acknowledged(
    environment: Mapping[str, str], tmp_path: Path, kills: int
) -> None:
    account = holders.add_account(environment)
    jtis: list[str] = []
    found: Counter[str] = Counter()

    with shop.opened(environment) as engine:
        ledgers: list[Ledger] = []
        for number in range(kills + 1):
            with servers.running(tmp_path, environment) as server:
                holder = Holder(server.port, account)
                found.update(kind for ledger in ledgers for kind in _check(ledger, holder, engine))
                assert whole.find_faults(engine) == []
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
        assert told.acquire(timeout=ANSWERS_SECONDS)
    os.killpg(server.process.pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    return ledgers


def _check(ledger: Ledger, holder: Holder, engine: Engine) -> Iterator[str]:
    """Tell for each thing that was acknowledged whether it holds."""
    for pair in ledger.held.values():
        yield _check_held(pair, holder, engine)
    for family, pair in ledger.ended.items():
        is_ended = holders.find_family(engine, family).end_reason is EndReason.REVOKED
        is_refused = holder.refresh(pair.refresh).json.get("error") == "invalid_grant"
        yield "revocation holds" if is_ended and is_refused else "lost revocation of a family"
    for pair in ledger.given_up:
        is_inactive = holder.introspect(pair.access).body == INACTIVE
        yield "revocation holds" if is_inactive else "lost revocation of an access token"


def _check_held(pair: Pair, holder: Holder, engine: Engine) -> str:
    stored = holders.find_family(engine, pair.family)
    age_seconds = time.time() - stored.rotated_at
    status = holder.refresh(pair.refresh).status
    if stored.ended_at is not None or stored.generation - pair.generation not in {0, 1}:
        return f"lost family: {stored.generation} stored, {pair.generation} acknowledged"
    if status == 200:
        return "refreshes"
    # The request that was under way at the kill was committed, and the server was slow to be back.
    is_late = stored.generation > pair.generation and age_seconds > GRACE_SECONDS - 1
    return "came too late" if is_late else f"lost token: {status}"


def _is_done(answer: Answer) -> bool:
    # A busy machine may say "not now"; that is no promise either.
    assert answer.status in {200, 503}, answer
    return answer.status == 200


def _list_rows(engine: Engine) -> set[str]:
    with reading(engine) as connection:
        return set(connection.execute(select(IssuanceRow.jti)).scalars())
