"""Keys that are withdrawn: somebody else signs from the same second, and never two."""

import pytest

from issuer.entropy import Entropy
from issuer.errors import Conflict, NotFound, WrongMasterKey
from issuer.model.audit_event import ActorKind
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.registry import audit, key_rotation, key_withdrawal, signing_keys
from issuer.registry.key_steps import Waits
from issuer.store import db
from issuer.store import signing_keys as rows
from issuer.store.registry_version import Concern, ConcernKind
from tests.conftest import START

MASTER = (b"m" * 32,)
AHEAD, STALE, SKEW = 961, 30, 60
LONGEST = {KeyPurpose.TOKEN: 86_400, KeyPurpose.REFRESH: 90 * 86_400}
WAITS = Waits(AHEAD, STALE, LONGEST)
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
def rotate(registrar):
    """Give the function that makes the next key of an algorithm and returns its kid."""
    return lambda alg: key_rotation.rotate(registrar, MASTER, [LINES[alg]], WAITS)[0].key.kid


@pytest.fixture(params=["retire", "compromise"])
def withdraw(request, registrar):
    """Give the function that withdraws a key, one way and the other."""
    return lambda kid: getattr(key_withdrawal, request.param)(registrar, MASTER, kid, WAITS)


@pytest.fixture
def retire(registrar):
    return lambda kid: key_withdrawal.retire(registrar, MASTER, kid, WAITS)


@pytest.fixture
def compromise(registrar):
    return lambda kid: key_withdrawal.compromise(registrar, MASTER, kid, WAITS)


def find(engine, kid):
    """Return a key as stored."""
    (key,) = [key for key in signing_keys.list_signing_keys(engine) if key.kid == kid]
    return key


def list_signing(engine, now, alg="ES256"):
    """Return the kids that sign at a time."""
    stored = signing_keys.list_signing_keys(engine)
    return [key.kid for key in stored if key.alg == alg and key.state(now) is KeyState.ACTIVE]


@pytest.mark.parametrize("alg", LINES)
def test_in_place_of_a_key_that_signs_a_new_one_signs_at_once(engine, clock, withdraw, first, alg):
    changed = withdraw(first[alg])

    now = clock.now()
    assert changed[0].kid == first[alg]
    assert [key.kid for key in changed[1:]] == list_signing(engine, now, alg)
    assert first[alg] not in list_signing(engine, now, alg)
    assert len(list_signing(engine, now + 10 * AHEAD, alg)) == 1


def test_in_place_of_a_key_that_signs_the_one_that_waits_signs_at_once(
    engine, clock, withdraw, first, rotate
):
    waiting = rotate("ES256")
    clock.step(10)

    withdraw(first["ES256"])

    assert list_signing(engine, clock.now()) == [waiting]
    assert find(engine, waiting).signs_from == find(engine, first["ES256"]).signs_until == clock.now()


def test_in_place_of_a_key_that_waits_the_one_before_signs_on(engine, clock, withdraw, first, rotate):
    waiting = rotate("ES256")
    clock.step(10)

    withdraw(waiting)

    before = find(engine, first["ES256"])
    assert (before.signs_until, before.verify_until) == (None, None)
    assert list_signing(engine, clock.now() + 10 * AHEAD) == [first["ES256"]]
    assert find(engine, waiting).state(clock.now()) in {KeyState.REMOVED, KeyState.COMPROMISED}


def test_after_a_withdrawal_keys_rotate_as_ever(engine, clock, withdraw, rotate):
    withdraw(rotate("ES256"))
    clock.step(10)

    following = rotate("ES256")

    clock.step(AHEAD)
    assert list_signing(engine, clock.now()) == [following]


def test_a_retired_key_verifies_what_it_signed(engine, clock, retire, first):
    retire(first["ES256"])

    key = find(engine, first["ES256"])
    assert key.state(clock.now()) is KeyState.RETIRED
    assert key.verify_until == clock.now() + LONGEST[KeyPurpose.TOKEN] + STALE + SKEW
    assert key.sealed


def test_a_compromised_key_is_over_and_erased(engine, clock, compromise, first):
    clock.step(5)
    compromise(first["ES256"])

    key = find(engine, first["ES256"])
    assert key.state(clock.now()) is KeyState.COMPROMISED
    assert not key.is_needed(clock.now())
    assert (key.compromised_at, key.erased_at, key.sealed) == (clock.now(), clock.now(), b"")
    assert key.public_jwk is not None


def test_a_retired_key_may_turn_out_to_be_compromised(engine, clock, retire, compromise, first):
    retire(first["ES256"])
    (signing,) = list_signing(engine, clock.now())

    changed = compromise(first["ES256"])

    assert [key.kid for key in changed] == [first["ES256"]]
    assert list_signing(engine, clock.now()) == [signing]


def test_what_signs_nothing_any_more_cannot_be_retired(retire, first):
    retire(first["ES256"])

    with pytest.raises(Conflict) as refusal:
        retire(first["ES256"])

    assert refusal.value.detail == f"The key {first['ES256']} is retired already: it signs nothing any more."


def test_compromised_is_for_good(withdraw, compromise, first):
    compromise(first["ES256"])

    with pytest.raises(Conflict) as refusal:
        withdraw(first["ES256"])

    assert "is compromised already" in refusal.value.detail


def test_an_unknown_key_is_not_found(withdraw):
    with pytest.raises(NotFound) as refusal:
        withdraw("nobody")

    assert refusal.value.detail == "There is no key nobody: see `issuer key list`."


def test_another_master_key_changes_nothing(engine, registrar, first):
    before = signing_keys.list_signing_keys(engine)

    for act in (key_withdrawal.retire, key_withdrawal.compromise):
        with pytest.raises(WrongMasterKey):
            act(registrar, (b"o" * 32,), first["ES256"], WAITS)

    assert signing_keys.list_signing_keys(engine) == before


def test_every_process_is_told(withdraw, first, version, concerns):
    before = version()

    withdraw(first["HS256"])

    assert concerns(before) == {Concern(before + 1, ConcernKind.KEYS)}


def test_a_compromise_is_recorded_with_what_follows(registrar, compromise, first):
    made = compromise(first["ES256"])[1]

    compromised, added, ended = audit.list_events(registrar, limit=3)
    assert (compromised.action, compromised.target) == ("key.compromised", first["ES256"])
    assert (compromised.before, compromised.after) == ({"state": "active"}, {"state": "compromised"})
    assert (added.action, added.target) == ("key.added", made.kid)
    assert (ended.action, ended.target) == ("key.ended", first["ES256"])
    assert compromised.actor.kind is ActorKind.TERMINAL
