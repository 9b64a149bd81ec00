"""Keys that roll by themselves: each is followed in time, whoever looks, and erased when it is over."""

import threading

import pytest
from sqlalchemy.orm import Session

from issuer.entropy import Entropy
from issuer.errors import WrongMasterKey
from issuer.jose import sealing
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.registry import audit, key_rotation, key_steps, key_upkeep, signing_keys
from issuer.registry.key_steps import Waits
from issuer.registry.registrar import Registrar
from issuer.registry.tick import MARGIN_SECONDS
from issuer.store import db, leases
from issuer.store import signing_keys as rows
from tests.conftest import START

MASTER = (b"m" * 32,)
DAY = 86_400
AHEAD, STALE = DAY, 30
LONGEST = {KeyPurpose.TOKEN: DAY, KeyPurpose.REFRESH: 90 * DAY}
WAITS = Waits(AHEAD, STALE, LONGEST)
EVERY = 90 * DAY
LINES = {"ES256": KeyLine(KeyPurpose.TOKEN, "ES256"), "HS256": KeyLine(KeyPurpose.REFRESH, "HS256")}


@pytest.fixture(autouse=True)
def first(engine):
    """Give the kids of the first keys by algorithm, without RS256, whose keys take long to make."""
    made = {
        alg: signing_keys.make_key(line, MASTER, Entropy(), START, LONGEST[line.purpose])
        for alg, line in LINES.items()
    }
    with db.writing(engine) as connection:
        assert all(rows.add_key(connection, key) for key in made.values())
    return {alg: key.kid for alg, key in made.items()}


@pytest.fixture
def keep(registrar):
    """Give the function that does one upkeep."""
    return lambda every=EVERY, at_least=0: key_upkeep.keep(registrar, MASTER, WAITS, every, at_least)


def stored(engine, alg):
    return [key for key in signing_keys.list_signing_keys(engine) if key.alg == alg]


def test_a_key_is_followed_so_early_that_its_successor_signs_on_the_day(engine, clock, keep, first):
    clock.step(EVERY - AHEAD - 1)
    assert keep().rotated == ()

    clock.step(1)
    (rotated,) = keep().rotated

    assert rotated.previous.kid == first["ES256"]
    assert rotated.key.signs_from == rotated.previous.signs_until == START + EVERY
    assert len(stored(engine, "HS256")) == 1


def test_the_key_of_refresh_tokens_is_followed_too(engine, clock, keep, first):
    clock.step(EVERY)
    by_alg = {one.key.alg: one for one in keep().rotated}

    assert by_alg["HS256"].previous.kid == first["HS256"]
    assert by_alg["HS256"].key.signs_from == clock.now() + STALE + 5


def test_a_key_is_followed_once(engine, clock, keep):
    clock.step(EVERY)
    keep()
    clock.step(10)

    assert keep().rotated == ()
    assert len(stored(engine, "ES256")) == 2


def test_keys_are_opened_only_where_one_is_due(engine, clock, registrar):
    """With a master key that opens none it is seen which look opens them."""
    other = (b"o" * 32,)
    assert key_rotation.rotate_due(registrar, other, EVERY, WAITS) == ()

    clock.step(EVERY)
    with pytest.raises(WrongMasterKey):
        key_rotation.rotate_due(registrar, other, EVERY, WAITS)

    assert [len(stored(engine, alg)) for alg in LINES] == [1, 1]


def test_over_years_one_key_signs_at_every_time(engine, clock, keep):
    seen = []
    for _ in range(4 * 365 // 7):
        clock.step(7 * DAY)
        keep()
        seen += [
            [key.kid for key in stored(engine, alg) if key.state(clock.now()) is KeyState.ACTIVE]
            for alg in LINES
        ]

    assert {len(kids) for kids in seen} == {1}
    assert len(stored(engine, "ES256")) == 4 * 365 // 90 + 1


def test_without_a_period_nothing_is_followed(clock, keep):
    clock.step(10 * EVERY)

    assert keep(every=0).rotated == ()


def test_a_removed_key_is_erased_a_day_later_and_its_row_stays(engine, clock, registrar, keep, first):
    (rotated,) = key_rotation.rotate_now(registrar, MASTER, [LINES["ES256"]], WAITS)
    clock.at = rotated.previous.verify_until + MARGIN_SECONDS - 1
    assert keep(every=0).erased == ()
    clock.step(1)

    assert keep(every=0).erased == (first["ES256"],)

    (key,) = [key for key in stored(engine, "ES256") if key.kid == first["ES256"]]
    assert (key.sealed, key.erased_at) == (b"", clock.now())
    assert key.public_jwk is not None
    assert keep(every=0).erased == ()
    (event,) = audit.list_events(registrar, limit=1)
    assert (event.action, event.target) == ("key.erased", first["ES256"])
    signing_keys.check_open(stored(engine, "ES256"), MASTER, clock.now())


def test_who_holds_the_lease_keeps_others_off(engine, clock, keep):
    with db.writing(engine) as connection:
        assert leases.add_holder(connection, key_upkeep.LEASE, "another", clock.now(), 300, clock.now())
    clock.step(EVERY)
    with db.writing(engine) as connection:
        assert leases.add_holder(connection, key_upkeep.LEASE, "another", clock.now(), 300, clock.now())

    assert keep() is None
    assert len(stored(engine, "ES256")) == 1


def test_who_comes_by_itself_comes_not_too_often(clock, keep):
    assert keep(at_least=60) is not None
    clock.step(59)
    assert keep(at_least=60) is None
    clock.step(1)
    assert keep(at_least=60) is not None


def test_each_key_is_opened_once_however_many_are_followed(clock, keep, monkeypatch):
    """To open an RSA key takes as long as to make one, and there is one for each of many audiences."""
    opened = []
    open_key = sealing.open_key
    monkeypatch.setattr(sealing, "open_key", lambda key, keys: opened.append(key.kid) or open_key(key, keys))
    clock.step(EVERY)

    assert len(keep().rotated) == len(LINES)
    assert len(opened) == len(set(opened)) == len(LINES)


def test_who_was_stopped_while_others_followed_a_key_follows_no_other(engine, clock, registrar, monkeypatch):
    """The lease has ended meanwhile, and the next key signs already."""
    clock.step(EVERY)
    make_next, is_stopped = key_steps.make_next, []

    def stop(*given):
        if not is_stopped:
            is_stopped.append(True)
            key_rotation.rotate_due(registrar, MASTER, EVERY, WAITS)
            clock.step(2 * AHEAD)
        return make_next(*given)

    monkeypatch.setattr(key_steps, "make_next", stop)
    assert key_rotation.rotate_due(registrar, MASTER, EVERY, WAITS) == ()

    assert [len(stored(engine, alg)) for alg in LINES] == [2, 2]


def test_of_many_at_once_each_line_is_followed_once(engine, clock):
    """Also where the lease is no help: one that held it was stopped for longer than it lasts."""
    clock.step(EVERY)
    failed = []

    def run() -> None:
        with Session(engine) as session:
            actor = Actor(ActorKind.SYSTEM, "tick")
            registrar = Registrar(session, actor, clock, Entropy(), "https://id.example", 3600)
            try:
                key_rotation.rotate_due(registrar, MASTER, EVERY, WAITS)
            except Exception as error:  # noqa: BLE001 - told in the test's own thread
                failed.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert [len(stored(engine, alg)) for alg in LINES] == [2, 2]
