"""Rotation: a next key is known before it signs, the one before it verifies for as long as it must."""

import threading

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from issuer.entropy import Entropy
from issuer.errors import Conflict, WrongMasterKey
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState, StoredKey
from issuer.registry import audiences, audit, key_rotation, signing_keys
from issuer.registry.audiences import AudienceChange
from issuer.registry.key_steps import Waits
from issuer.registry.registrar import Registrar
from issuer.store import db
from issuer.store import signing_keys as rows
from issuer.store.registry_version import Concern, ConcernKind
from issuer.store.tables import SigningKeyRow
from tests.conftest import START

MASTER = (b"m" * 32,)
AHEAD, STALE, SKEW = 961, 30, 60
LONGEST = {KeyPurpose.TOKEN: 86_400, KeyPurpose.REFRESH: 90 * 86_400}
WAITS = Waits(AHEAD, STALE, LONGEST)
REFRESH_AHEAD = STALE + 5


def made_key(purpose: KeyPurpose, alg: str) -> StoredKey:
    return signing_keys.make_key(KeyLine(purpose, alg), MASTER, Entropy(), START, LONGEST[purpose])


@pytest.fixture(scope="session")
def made() -> tuple[StoredKey, ...]:
    """Give a key of each algorithm but RS256, whose keys take long to make and to open."""
    return made_key(KeyPurpose.TOKEN, "ES256"), made_key(KeyPurpose.REFRESH, "HS256")


@pytest.fixture(autouse=True)
def first_keys(engine, made):
    """Give the first keys by algorithm, without RS256."""
    with db.writing(engine) as connection:
        assert all(rows.add_key(connection, key) for key in made)
    return {key.alg: key for key in made}


@pytest.fixture
def rsa_key(engine) -> None:
    """Let there be a key of RS256, too."""
    with db.writing(engine) as connection:
        assert rows.add_key(connection, made_key(KeyPurpose.TOKEN, "RS256"))


@pytest.fixture
def rotate(registrar):
    """Give the function that rotates algorithms."""
    return lambda *algs, waits=WAITS: key_rotation.rotate(
        registrar, MASTER, key_rotation.list_shared_lines(algs), waits
    )


@pytest.fixture
def rotate_now(registrar):
    """Give the function that rotates algorithms at once."""
    return lambda *algs: key_rotation.rotate_now(
        registrar, MASTER, key_rotation.list_shared_lines(algs), WAITS
    )


def stored(engine, alg):
    """Return the keys of an algorithm, newest first."""
    return [key for key in signing_keys.list_signing_keys(engine) if key.alg == alg]


def test_a_next_key_is_published_at_once_and_signs_after_its_wait(clock, rotate, first_keys):
    (rotated,) = rotate("ES256")

    now, key = clock.now(), rotated.key
    assert rotated.previous.kid == first_keys["ES256"].kid
    assert (key.created_at, key.published_at, key.signs_from) == (now, now, now + AHEAD)
    assert (key.signs_until, key.verify_until) == (None, None)
    assert [key.state(now + after) for after in (0, AHEAD - 1, AHEAD)] == [
        KeyState.PENDING,
        KeyState.PENDING,
        KeyState.ACTIVE,
    ]


def test_the_key_before_signs_until_then_and_verifies_what_it_signed(clock, rotate):
    (rotated,) = rotate("ES256")

    signs_until = clock.now() + AHEAD
    verify_until = signs_until + LONGEST[KeyPurpose.TOKEN] + STALE + SKEW
    previous = rotated.previous
    assert (previous.signs_until, previous.verify_until) == (signs_until, verify_until)
    assert previous.state(signs_until - 1) is KeyState.ACTIVE
    assert previous.state(signs_until) is previous.state(verify_until - 1) is KeyState.RETIRED
    assert previous.state(verify_until) is KeyState.REMOVED


def test_at_every_second_one_key_signs(engine, clock, rotate):
    rotate("ES256")
    clock.step(AHEAD)
    rotate("ES256")

    begun = clock.now() - AHEAD
    for at in (begun, begun + AHEAD - 1, begun + AHEAD, begun + 2 * AHEAD - 1, begun + 2 * AHEAD):
        signing = [key for key in stored(engine, "ES256") if key.state(at) is KeyState.ACTIVE]
        assert len(signing) == 1


def test_the_key_of_refresh_tokens_is_never_public_and_waits_for_our_own_processes_only(clock, rotate):
    (rotated,) = rotate("HS256")

    assert rotated.key.purpose is KeyPurpose.REFRESH
    assert rotated.key.public_jwk is None
    assert rotated.key.signs_from == rotated.previous.signs_until == clock.now() + REFRESH_AHEAD
    verify_until = rotated.key.signs_from + LONGEST[KeyPurpose.REFRESH] + STALE + SKEW
    assert rotated.previous.verify_until == verify_until


def test_all_algorithms_rotate_in_one_transaction(engine, rsa_key, rotate, concerns, version):
    before = version()

    rotated = rotate(*key_rotation.ALGS)

    assert [one.key.alg for one in rotated] == ["RS256", "ES256", "HS256"]
    assert concerns(before) == {Concern(before + 1, ConcernKind.KEYS)}
    assert len(signing_keys.list_signing_keys(engine)) == 6


def test_a_key_that_waits_is_not_followed(engine, clock, rotate):
    (first,) = rotate("ES256")
    clock.step(AHEAD - 1)

    with pytest.raises(Conflict) as refusal:
        rotate("ES256")

    assert refusal.value.detail == ("A next ES256 key is already waiting, it signs at 2027-01-15T08:16:01Z.")
    assert [key.kid for key in stored(engine, "ES256")] == [first.key.kid, first.previous.kid]


def test_all_rotate_or_none(engine, rotate, version):
    rotate("ES256")
    before, keys = version(), signing_keys.list_signing_keys(engine)

    with pytest.raises(Conflict):
        rotate("HS256", "ES256")

    assert version() == before
    assert signing_keys.list_signing_keys(engine) == keys


def test_a_rotation_is_recorded_with_both_keys(registrar, clock, rotate, first_keys):
    (rotated,) = rotate("ES256")

    added, ended = audit.list_events(registrar, limit=2)
    assert (added.action, added.target_kind, added.target) == ("key.added", "key", rotated.key.kid)
    assert added.after == {"purpose": "token", "alg": "ES256", "signs_from": clock.now() + AHEAD}
    assert (ended.action, ended.target) == ("key.ended", first_keys["ES256"].kid)
    assert (ended.before, ended.after) == ({"signs_until": None}, {"signs_until": clock.now() + AHEAD})
    assert added.actor == ended.actor == registrar.actor


def test_at_once_a_new_key_signs_from_this_second(clock, rotate_now, first_keys):
    (rotated,) = rotate_now("ES256")

    now = clock.now()
    assert rotated.key.state(now) is KeyState.ACTIVE
    assert rotated.previous.kid == first_keys["ES256"].kid
    assert (rotated.previous.signs_until, rotated.previous.state(now)) == (now, KeyState.RETIRED)
    assert rotated.previous.verify_until == now + LONGEST[KeyPurpose.TOKEN] + STALE + SKEW


def test_at_once_the_key_that_waits_signs_and_none_is_made(engine, clock, registrar, rotate, rotate_now):
    (waiting,) = rotate("ES256")
    clock.step(100)

    (rotated,) = rotate_now("ES256")

    now = clock.now()
    assert rotated.key.kid == waiting.key.kid
    assert (rotated.key.published_at, rotated.key.signs_from) == (now - 100, now)
    assert rotated.previous.kid == waiting.previous.kid
    assert rotated.previous.signs_until == now
    assert rotated.previous.verify_until == now + LONGEST[KeyPurpose.TOKEN] + STALE + SKEW
    assert len(stored(engine, "ES256")) == 2
    begun, ended = audit.list_events(registrar, limit=2)
    assert (begun.action, begun.after) == ("key.signs_at_once", {"signs_from": now})
    assert (ended.action, ended.after) == ("key.ended", {"signs_until": now})


def test_at_once_twice_in_a_second_leaves_one_key_that_signs(engine, clock, rotate_now):
    (first,) = rotate_now("ES256")
    (second,) = rotate_now("ES256")

    assert second.previous.kid == first.key.kid
    signing = [key.kid for key in stored(engine, "ES256") if key.state(clock.now()) is KeyState.ACTIVE]
    assert signing == [second.key.kid]


@pytest.mark.parametrize("act", [key_rotation.rotate, key_rotation.rotate_now])
def test_of_two_rotations_at_once_one_wins(engine, clock, monkeypatch, act):
    together, make_key = threading.Barrier(2), signing_keys.make_key
    won, refused = [], []

    def make_together(*arguments):
        together.wait(60)
        return make_key(*arguments)

    def run() -> None:
        with Session(engine) as session:
            actor = Actor(ActorKind.TERMINAL, "alice")
            registrar = Registrar(session, actor, clock, Entropy(), "https://id.example", 3600)
            try:
                won.extend(act(registrar, MASTER, key_rotation.list_shared_lines(["ES256"]), WAITS))
            except Conflict as conflict:
                refused.append(conflict.detail)

    monkeypatch.setattr(signing_keys, "make_key", make_together)
    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert refused == ["Somebody else has just rotated the ES256 key: see `issuer key list`."]
    assert len(stored(engine, "ES256")) == 2


def test_of_two_that_hurry_a_waiting_key_one_wins(engine, clock, registrar, rotate, monkeypatch):
    rotate("ES256")
    found = key_rotation._list_open

    def find_then_lose(*arguments):
        open_keys = found(*arguments)
        monkeypatch.setattr(key_rotation, "_list_open", found)
        key_rotation.rotate_now(registrar, MASTER, key_rotation.list_shared_lines(["ES256"]), WAITS)
        return open_keys

    monkeypatch.setattr(key_rotation, "_list_open", find_then_lose)
    with pytest.raises(Conflict):
        key_rotation.rotate_now(registrar, MASTER, key_rotation.list_shared_lines(["ES256"]), WAITS)

    assert stored(engine, "ES256")[0].signs_from == clock.now()
    assert len(stored(engine, "ES256")) == 2


def test_another_master_key_makes_no_key(engine, registrar):
    before = signing_keys.list_signing_keys(engine)

    with pytest.raises(WrongMasterKey):
        key_rotation.rotate(registrar, (b"o" * 32,), key_rotation.list_shared_lines(["ES256"]), WAITS)

    assert signing_keys.list_signing_keys(engine) == before


def test_where_no_key_is_there_is_none_to_follow(engine, rotate):
    with db.writing(engine) as connection:
        connection.execute(update(SigningKeyRow).values(signs_until=1, verify_until=2))

    with pytest.raises(Conflict) as refusal:
        rotate("ES256")

    assert refusal.value.detail == "There is no ES256 key to follow yet: `issuer serve` makes the first ones."


def test_the_next_start_makes_no_key_beside_one_that_waits(engine, clock, rsa_key, rotate):
    rotate("ES256", "HS256")

    signing_keys.make_first_keys(engine, MASTER, clock, Entropy(), LONGEST)

    assert len(signing_keys.list_signing_keys(engine)) == 5


def test_a_key_verifies_for_the_longest_life_it_ever_knew(engine, clock, rotate):
    """What another process allowed after this one had read the key, too."""
    with db.writing(engine) as connection:
        connection.execute(update(SigningKeyRow).values(longest_lifetime_seconds=30 * 86_400))

    (rotated,) = rotate("ES256")

    assert rotated.previous.verify_until == clock.now() + AHEAD + 30 * 86_400 + STALE + SKEW
    assert rotated.key.longest_lifetime_seconds == 30 * 86_400


def test_a_next_key_knows_what_settings_and_audiences_allow(registrar, orders, rotate):
    longest = {KeyPurpose.TOKEN: 10 * 86_400, KeyPurpose.REFRESH: 100 * 86_400}
    policy = AudienceChange(refresh_absolute_seconds=200 * 86_400)
    audiences.change_audience(registrar, orders.identifier, policy)

    token, refresh = rotate("ES256", "HS256", waits=Waits(AHEAD, STALE, longest))

    assert token.key.longest_lifetime_seconds == 10 * 86_400
    assert refresh.key.longest_lifetime_seconds == 200 * 86_400
