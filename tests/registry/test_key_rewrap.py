"""Rewrapping: every key moves under the first master key, whole, whoever is killed meanwhile."""

import multiprocessing
import random
import time
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import Engine, create_engine, select, update
from sqlalchemy.orm import Session

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.errors import WrongMasterKey
from issuer.jose import sealing
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import KeyLine, KeyPurpose, StoredKey
from issuer.registry import audit, key_rewrap, signing_keys
from issuer.registry.key_rewrap import Holding
from issuer.registry.registrar import Registrar
from issuer.store import db
from issuer.store import signing_keys as rows
from issuer.store.tables import Base, SigningKeyRow
from tests.conftest import START

OLD, NEW, OTHER = b"o" * 32, b"n" * 32, b"x" * 32
OLD_ID, NEW_ID = sealing.master_key_id(OLD), sealing.master_key_id(NEW)
DAY = 86_400
MANY = 30


def made_key(purpose: KeyPurpose, alg: str, **times: int | None) -> StoredKey:
    key = signing_keys.make_key(KeyLine(purpose, alg), (OLD,), Entropy(), START, DAY)
    return replace(key, **times)


def retired(purpose: KeyPurpose, alg: str, age: int) -> StoredKey:
    return made_key(
        purpose, alg, signs_from=START - age - 1, signs_until=START - age, verify_until=START + DAY
    )


@pytest.fixture(scope="session")
def made() -> tuple[StoredKey, ...]:
    """Give a key of tokens, one of refresh tokens, and one that verifies only."""
    return (
        made_key(KeyPurpose.TOKEN, "ES256"),
        made_key(KeyPurpose.REFRESH, "HS256"),
        retired(KeyPurpose.TOKEN, "ES256", 5),
    )


@pytest.fixture(autouse=True)
def keys(engine, made) -> tuple[StoredKey, ...]:
    """Give the keys as they were stored, under OLD."""
    add(engine, *made)
    return made


def add(engine: Engine, *added: StoredKey) -> None:
    with db.writing(engine) as connection:
        assert all(rows.add_key(connection, key) for key in added)


def dump(engine: Engine) -> dict[str, list[str]]:
    with db.reading(engine) as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(table))))
            for table in Base.metadata.sorted_tables
        }


def change(engine: Engine, kid: str, **values: object) -> None:
    with db.writing(engine) as connection:
        connection.execute(update(SigningKeyRow).where(SigningKeyRow.kid == kid).values(**values))


def list_stored(engine: Engine) -> dict[str, StoredKey]:
    return {key.kid: key for key in signing_keys.list_signing_keys(engine)}


def private_parts(stored: dict[str, StoredKey], *master_keys: bytes) -> dict[str, bytes]:
    return {
        kid: sealing.open_sealed(key.sealed, sealing.bind(kid, key.purpose), master_keys, key.master_key_id)
        for kid, key in stored.items()
    }


def test_every_key_moves_under_the_first_master_key(engine, registrar, keys):
    before = private_parts(list_stored(engine), OLD)

    done = key_rewrap.rewrap(registrar, (NEW, OLD))

    after = list_stored(engine)
    assert {key.kid for key in done.rewrapped} == {key.kid for key in keys}
    assert done.holdings == (Holding(NEW_ID, 1, 3), Holding(OLD_ID, 2, 0))
    assert done.may_drop_others
    assert private_parts(after, NEW) == before
    assert {key.master_key_id for key in after.values()} == {NEW_ID}


def test_nothing_but_the_seal_of_a_key_changes(engine, registrar):
    before = list_stored(engine)

    key_rewrap.rewrap(registrar, (NEW, OLD))

    for kid, after in list_stored(engine).items():
        assert replace(after, sealed=before[kid].sealed, master_key_id=OLD_ID) == before[kid]
        assert after.sealed[:12] != before[kid].sealed[:12]


def test_each_key_has_its_audit_event(engine, registrar, keys):
    key_rewrap.rewrap(registrar, (NEW, OLD))

    events = audit.list_events(registrar, limit=100)
    assert {event.target for event in events} == {key.kid for key in keys}
    for event in events:
        assert (event.action, event.target_kind, event.actor) == ("key.rewrapped", "key", registrar.actor)
        assert (event.before, event.after) == ({"master_key_id": OLD_ID}, {"master_key_id": NEW_ID})


def test_a_second_time_nothing_is_written(engine, registrar):
    key_rewrap.rewrap(registrar, (NEW, OLD))
    before = dump(engine)

    done = key_rewrap.rewrap(registrar, (NEW, OLD))

    assert done.rewrapped == ()
    assert dump(engine) == before


def test_a_rehearsal_tells_the_same_and_writes_nothing(engine, registrar, keys):
    before = dump(engine)

    told = key_rewrap.rehearse(registrar, (NEW, OLD))

    assert {key.kid for key in told.rewrapped} == {key.kid for key in keys}
    assert told.holdings == (Holding(NEW_ID, 1, 0), Holding(OLD_ID, 2, 3))
    assert not told.may_drop_others
    assert dump(engine) == before


def test_a_key_whose_private_part_was_erased_is_left_alone(engine, registrar, keys):
    gone = keys[2].kid
    change(engine, gone, sealed=b"", verify_until=START - 1)

    done = key_rewrap.rewrap(registrar, (NEW, OLD))

    assert gone not in {key.kid for key in done.rewrapped}
    assert done.holdings == (Holding(NEW_ID, 1, 2), Holding(OLD_ID, 2, 0))
    assert list_stored(engine)[gone].sealed == b""


def test_a_key_that_nobody_needs_and_nothing_opens_is_left_and_told(engine, registrar, keys):
    dead = keys[2].kid
    change(engine, dead, sealed=b"?" * 40, verify_until=START - 1)

    done = key_rewrap.rewrap(registrar, (NEW, OLD))

    assert done.holdings == (Holding(NEW_ID, 1, 2), Holding(OLD_ID, 2, 1))
    assert not done.may_drop_others


@pytest.mark.parametrize("master_keys", [(NEW,), (NEW, OTHER)], ids=["alone", "beside another"])
def test_without_the_old_master_key_nothing_is_written(engine, registrar, master_keys):
    before = dump(engine)

    for act in (key_rewrap.rewrap, key_rewrap.rehearse):
        with pytest.raises(WrongMasterKey):
            act(registrar, master_keys)

    assert dump(engine) == before


def test_without_the_old_master_key_no_second_set_of_keys_is_made(engine, registrar, clock):
    change(engine, next(iter(list_stored(engine))), master_key_id=NEW_ID)
    before = dump(engine)

    with pytest.raises(WrongMasterKey):
        key_rewrap.rewrap(registrar, (NEW,))
    with pytest.raises(WrongMasterKey):
        signing_keys.make_first_keys(engine, (NEW,), clock, Entropy(), dict.fromkeys(KeyPurpose, DAY))

    assert dump(engine) == before


def test_one_needed_key_that_does_not_open_stops_all(engine, registrar, keys):
    """Also one that says that it is under the first master key already."""
    change(engine, keys[0].kid, master_key_id=NEW_ID, sealed=keys[0].sealed[:-1] + b"!")
    before = dump(engine)

    with pytest.raises(WrongMasterKey):
        key_rewrap.rewrap(registrar, (NEW, OLD))

    assert dump(engine) == before


@pytest.mark.parametrize("is_rewrapped", [False, True], ids=["before", "after"])
def test_two_sealed_rows_that_were_swapped_are_noticed(engine, registrar, keys, is_rewrapped):
    if is_rewrapped:
        key_rewrap.rewrap(registrar, (NEW, OLD))
    one, other = (list_stored(engine)[key.kid] for key in (keys[0], keys[2]))
    change(engine, one.kid, sealed=other.sealed)
    change(engine, other.kid, sealed=one.sealed)
    before = dump(engine)

    with pytest.raises(WrongMasterKey):
        key_rewrap.rewrap(registrar, (NEW, OLD))

    assert dump(engine) == before


def test_a_key_that_changed_meanwhile_is_left_to_whoever_changed_it(engine, registrar, keys, monkeypatch):
    overtaken, seal_key = keys[1], sealing.seal_key

    def seal_then_lose(key, *arguments):
        if key.kid == overtaken.kid:
            change(engine, key.kid, sealed=b"")
        return seal_key(key, *arguments)

    monkeypatch.setattr(sealing, "seal_key", seal_then_lose)
    done = key_rewrap.rewrap(registrar, (NEW, OLD))

    assert overtaken.kid not in {key.kid for key in done.rewrapped}
    assert list_stored(engine)[overtaken.kid].sealed == b""
    assert len(audit.list_events(registrar)) == 2


def rewrap_for_ever(url: str, is_begun) -> None:
    """Move all keys from one master key to the other and back, until killed."""
    parsed = db.make_url_of(url)
    engine = create_engine(parsed, **db.engine_options(parsed, 2))
    db.prepare_engine(engine)
    with Session(engine) as session:
        actor = Actor(ActorKind.TERMINAL, "alice")
        registrar = Registrar(session, actor, Clock(), Entropy(), "https://id.example", 3600)
        is_begun.set()
        while True:
            key_rewrap.rewrap(registrar, (NEW, OLD))
            key_rewrap.rewrap(registrar, (OLD, NEW))


def kill_rewrap(url: str, seconds: float) -> None:
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["issuer.registry.key_rewrap", "sqlalchemy.orm", "psycopg"])
    is_begun = processes.Event()
    running = processes.Process(target=partial(rewrap_for_ever, url, is_begun))
    running.start()
    assert is_begun.wait(30)
    time.sleep(seconds)
    assert running.exitcode is None
    running.kill()
    running.join()
    running.close()


@pytest.mark.parametrize("kills", [20, pytest.param(100, marks=pytest.mark.soak)], ids=["ordinary", "full"])
def test_killed_anywhere_no_key_is_lost_and_the_next_run_finishes(engine, database_url, registrar, kills):
    add(engine, *(retired(KeyPurpose.TOKEN, "ES256", age) for age in range(10, 10 + MANY)))
    private, chance = private_parts(list_stored(engine), OLD), random.Random(5)
    engine.dispose()
    halves = 0

    for _ in range(kills):
        kill_rewrap(database_url, chance.uniform(0, 0.25))
        stored = list_stored(engine)
        assert private_parts(stored, NEW, OLD) == private
        halves += len({key.master_key_id for key in stored.values()}) == 2
        # What the row says and what was told of it are of one transaction.
        told = {event.target: event.after for event in reversed(audit.list_events(registrar, limit=100))}
        assert all(told[kid] == {"master_key_id": stored[kid].master_key_id} for kid in told)

    key_rewrap.rewrap(registrar, (NEW, OLD))
    assert private_parts(list_stored(engine), NEW) == private
    print(f"{kills} kills, {halves} of them in the middle")  # noqa: T201 - a figure
    assert halves > 0
