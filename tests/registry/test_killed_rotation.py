"""Whoever is killed while keys roll leaves one that signs in each line, and nothing unreadable."""

import multiprocessing
import random
import time

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.jose import sealing
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.registry import key_rotation, key_upkeep, key_withdrawal, signing_keys
from issuer.registry.key_steps import Waits
from issuer.registry.registrar import Registrar
from issuer.store import db
from issuer.store import signing_keys as rows
from issuer.store.tables import AuditEventRow

MASTER = (b"m" * 32,)
WAITS = Waits(60, 0, {KeyPurpose.TOKEN: 60, KeyPurpose.REFRESH: 60})
LINES = (KeyLine(KeyPurpose.TOKEN, "ES256"), KeyLine(KeyPurpose.REFRESH, "HS256"))


def open_registrar(session: Session) -> Registrar:
    actor = Actor(ActorKind.TERMINAL, "alice")
    return Registrar(session, actor, Clock(), Entropy(), "https://id.example", 3600)


def roll_for_ever(url: str, is_begun) -> None:
    """Rotate, hurry, withdraw and erase keys until killed."""
    parsed = db.make_url_of(url)
    engine = create_engine(parsed, **db.engine_options(parsed, 2))
    db.prepare_engine(engine)
    with Session(engine) as session:
        registrar = open_registrar(session)
        is_begun.set()
        while True:
            if not any(key.state(registrar.clock.now()) is KeyState.PENDING for key in list_keys(engine)):
                key_rotation.rotate(registrar, MASTER, LINES, WAITS)
            (one, _) = key_rotation.rotate_now(registrar, MASTER, LINES, WAITS)
            key_withdrawal.compromise(registrar, MASTER, one.previous.kid, WAITS)
            key_withdrawal.retire(registrar, MASTER, one.key.kid, WAITS)
            key_upkeep.erase(registrar)


def list_keys(engine):
    with db.reading(engine) as connection:
        return rows.list_keys(connection)


def kill_while_rolling(url: str, seconds: float) -> None:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["issuer.registry.key_rotation", "sqlalchemy.orm", "psycopg"])
    is_begun = processes.Event()
    running = processes.Process(target=roll_for_ever, args=(url, is_begun))
    running.start()
    assert is_begun.wait(60)
    time.sleep(seconds)
    assert running.exitcode is None
    running.kill()
    running.join()
    running.close()


@pytest.mark.parametrize("kills", [20, pytest.param(100, marks=pytest.mark.soak)], ids=["ordinary", "full"])
def test_killed_anywhere_one_key_of_each_line_signs_and_all_open(engine, database_url, kills):
    first = []
    with db.writing(engine) as connection:
        for line in LINES:
            made = signing_keys.make_key(line, MASTER, Entropy(), Clock().now(), 60)
            assert rows.add_key(connection, made)
            first.append(made.kid)
    engine.dispose()
    chance = random.Random(7)

    for _ in range(kills):
        kill_while_rolling(database_url, chance.uniform(0, 0.25))
        stored, now = list_keys(engine), Clock().now()
        for line in LINES:
            of_line = [key for key in stored if key.line == line]
            signing = [key for key in of_line if key.state(now) is KeyState.ACTIVE]
            # Of two that began and ended in one second, the state says the later one.
            assert len(signing) == 1
            assert len([key for key in of_line if key.signs_until is None]) == 1
        for key in stored:
            if key.is_needed(now):
                assert sealing.open_key(key, MASTER).kid == key.kid
            assert (key.sealed == b"") == (key.erased_at is not None)

    with Session(engine) as session:
        rolled = key_rotation.rotate_now(open_registrar(session), MASTER, LINES, WAITS)
    assert len(rolled) == len(LINES)
    with db.reading(engine) as connection:
        told = connection.execute(
            select(AuditEventRow.target).where(AuditEventRow.action == "key.added")
        ).scalars()
        # Each key that is there was told of, in the transaction that brought it, and no other.
        assert {*told, *first} == {key.kid for key in rows.list_keys(connection)}
    assert len(stored) > len(first)
