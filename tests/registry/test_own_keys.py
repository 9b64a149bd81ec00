"""Keys of single audiences: given and given up without a token refused on the way."""

from dataclasses import dataclass

import pytest
from sqlalchemy import Engine

from issuer.entropy import Entropy
from issuer.errors import Conflict, Locked, NotFound
from issuer.issuing.keyring import Keyring
from issuer.model.audience import Audience, SigningAlg
from issuer.model.signing_key import SHARED_LINES, KeyPurpose, KeyState, StoredKey
from issuer.registry import (
    audiences,
    audit,
    key_lifetimes,
    key_rotation,
    key_withdrawal,
    own_keys,
    permissions,
    signing_keys,
)
from issuer.registry.audiences import AudienceChange
from issuer.registry.key_steps import Waits
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.store import db
from issuer.store import signing_keys as rows
from tests.conftest import START, FixedClock

MASTER = (b"m" * 32,)
AHEAD, STALE, SKEW = 961, 30, 60
DAY = 86_400
WAITS = Waits(AHEAD, STALE, {KeyPurpose.TOKEN: DAY, KeyPurpose.REFRESH: 90 * DAY})
ES256 = SHARED_LINES[1]


@pytest.fixture
def shared(engine):
    """Give the kid of the shared ES256 key."""
    made = signing_keys.make_key(ES256, MASTER, Entropy(), START, DAY)
    with db.writing(engine) as connection:
        assert rows.add_key(connection, made)
    return made.kid


@pytest.fixture
def audience(registrar, orders, shared):
    """Give an audience of ES256 that no client was ever permitted to ask for."""
    change = AudienceChange(signing_alg=SigningAlg.ES256)
    return audiences.change_audience(registrar, orders.identifier, change)


@pytest.fixture
def used(registrar, audience, robot):
    """Give the audience once a client may ask for it."""
    permissions.grant_permission(registrar, NewPermission(robot.client_id, audience.identifier))
    return audience


@dataclass
class Town:
    """Where keys are given, and what another process sees of it."""

    engine: Engine
    clock: FixedClock
    registrar: Registrar

    def give(self, audience: Audience, **options: bool) -> Audience:
        return own_keys.give(self.registrar, MASTER, audience.identifier, WAITS, **options)

    def give_up(self, audience: Audience, **options: bool) -> Audience:
        return own_keys.give_up(self.registrar, audience.identifier, WAITS, **options)

    def find_own(self, audience: Audience) -> list[StoredKey]:
        """Return the own keys of an audience, newest first."""
        return [key for key in signing_keys.list_signing_keys(self.engine) if key.audience_id == audience.id]

    def keyring(self) -> Keyring:
        """Return the keyring of a process that starts now."""
        made = Keyring(self.clock)
        made.load(self.engine, MASTER)
        return made

    def signer_of(self, audience: Audience) -> str:
        """Return the kid of what signs for an audience now."""
        return self.keyring().signer(KeyPurpose.TOKEN, "ES256", self.clock.now(), audience.id).kid

    def list_set(self, audience: Audience) -> list[str]:
        """Return the kids in an audience's own set."""
        return [key["kid"] for key in self.keyring().list_published_for(audience.id, self.clock.now())]


@pytest.fixture
def town(engine, clock, registrar, shared) -> Town:
    return Town(engine, clock, registrar)


def test_a_key_of_an_audience_that_was_never_used_signs_at_once_and_stands_alone(town, audience):
    given = town.give(audience)

    (own,) = town.find_own(audience)
    assert given.has_own_key
    assert town.signer_of(audience) == own.kid
    assert town.list_set(audience) == [own.kid]


def test_a_key_of_an_audience_alone_stands_in_no_other_set(town, audience, shared):
    town.give(audience)

    assert [key["kid"] for key in town.keyring().list_published(town.clock.now())] == [shared]
    assert town.keyring().signer(KeyPurpose.TOKEN, "ES256", town.clock.now()).kid == shared
    assert town.keyring().list_published_for(audience.id + 1, town.clock.now()) == []


def test_where_tokens_may_be_about_the_key_is_published_first_beside_the_shared_ones(town, used, shared):
    town.give(used)

    (own,) = town.find_own(used)
    assert own.signs_from == town.clock.now() + AHEAD
    assert town.signer_of(used) == shared
    assert town.list_set(used) == [own.kid, shared]
    town.clock.step(AHEAD)
    assert town.signer_of(used) == own.kid


def test_the_shared_keys_leave_its_set_when_all_that_they_signed_is_over(town, used, shared):
    town.give(used)
    (own,) = town.find_own(used)

    town.clock.step(AHEAD + DAY + STALE + SKEW - 1)
    assert town.list_set(used) == [own.kid, shared]
    town.clock.step(1)
    assert town.list_set(used) == [own.kid]


def test_a_permission_that_was_taken_back_counts_as_use(town, used, robot):
    permissions.revoke_permission(town.registrar, robot.client_id, used.identifier)

    town.give(used)

    assert town.find_own(used)[0].signs_from == town.clock.now() + AHEAD


def test_at_once_it_signs_at_once_and_the_shared_ones_stay_for_what_they_signed(town, used, shared):
    town.give(used, at_once=True)

    (own,) = town.find_own(used)
    assert town.signer_of(used) == own.kid
    assert town.list_set(used) == [own.kid, shared]


def test_its_keys_rotate_and_never_join_the_shared_ones(town, audience, shared):
    town.give(audience)
    (first,) = town.find_own(audience)

    (rotated,) = key_rotation.rotate(town.registrar, MASTER, [first.line], WAITS)

    assert town.list_set(audience) == [rotated.key.kid, first.kid]
    assert [key["kid"] for key in town.keyring().list_published(town.clock.now())] == [shared]
    town.clock.step(AHEAD)
    assert town.signer_of(audience) == rotated.key.kid


def test_given_up_it_signs_until_the_shared_ones_are_known(town, audience, shared):
    town.give(audience)
    (own,) = town.find_own(audience)
    town.clock.step(10)

    left = town.give_up(audience)

    assert not left.has_own_key
    assert town.signer_of(audience) == own.kid
    assert town.list_set(audience) == [own.kid, shared]
    town.clock.step(AHEAD)
    assert town.signer_of(audience) == shared
    assert town.list_set(audience) == [own.kid, shared]


@pytest.mark.parametrize("at_once", [True, False])
def test_a_key_that_never_signed_is_withdrawn_when_it_is_given_up(town, used, shared, at_once):
    town.give(used)
    town.clock.step(10)

    town.give_up(used, at_once=at_once)

    (own,) = town.find_own(used)
    assert own.state(town.clock.now()) is KeyState.RETIRED
    # Its service was told to fetch from there, and is told now to go back.
    town.clock.step(AHEAD)
    assert town.list_set(used) == [own.kid, shared]
    assert own_keys.find_last_times(town.registrar, used.id) == (START + 10, own.verify_until)
    town.clock.step(10 * AHEAD)
    assert town.signer_of(used) == shared
    town.clock.at = own.verify_until
    assert town.list_set(used) == []
    assert own_keys.find_last_times(town.registrar, used.id) is None


@pytest.mark.parametrize(("at_once", "wait"), [(True, 0), (False, AHEAD)])
def test_given_up_in_the_middle_of_a_rotation_some_key_of_its_own_signs_to_the_end(
    town, audience, shared, at_once, wait
):
    town.give(audience)
    (first,) = town.find_own(audience)
    key_rotation.rotate(town.registrar, MASTER, [first.line], WAITS)
    town.clock.step(100)

    town.give_up(audience, at_once=at_once)

    own = {key.kid for key in town.find_own(audience)}
    if wait:
        town.clock.step(wait - 1)
        assert town.signer_of(audience) in own
        town.clock.step(1)
    assert town.signer_of(audience) == shared


def test_after_it_was_given_up_another_may_be_given(town, audience):
    town.give(audience)
    town.give_up(audience)
    with pytest.raises(Conflict) as refusal:
        town.give(audience)
    town.clock.step(AHEAD)

    town.give(audience)

    assert "still signs" in refusal.value.detail
    assert len(town.find_own(audience)) == 2
    assert town.signer_of(audience) == town.find_own(audience)[0].kid


@pytest.mark.parametrize("withdraw", [key_withdrawal.retire, key_withdrawal.compromise])
def test_given_up_its_keys_end_whichever_of_them_is_withdrawn_meanwhile(town, audience, shared, withdraw):
    """The one before the one that waited signs on, but no longer than that one was to."""
    town.give(audience)
    (first,) = town.find_own(audience)
    key_rotation.rotate(town.registrar, MASTER, [first.line], WAITS)
    town.clock.step(100)
    town.give_up(audience)
    waiting = next(key for key in town.find_own(audience) if key.state(town.clock.now()) is KeyState.PENDING)

    withdraw(town.registrar, MASTER, waiting.kid, WAITS)

    town.clock.step(AHEAD - 1)
    assert town.signer_of(audience) == first.kid
    town.clock.step(1)
    assert town.signer_of(audience) == shared
    assert all(key.signs_until is not None for key in town.find_own(audience))


def test_a_key_that_is_given_up_while_it_is_withdrawn_gets_no_successor(town, used, monkeypatch):
    town.give(used)
    (own,) = town.find_own(used)
    make_next = key_withdrawal.key_steps.make_next

    def give_up_meanwhile(*given: object) -> StoredKey:
        town.give_up(used)
        return make_next(*given)

    monkeypatch.setattr(key_withdrawal.key_steps, "make_next", give_up_meanwhile)
    with pytest.raises(Conflict):
        key_withdrawal.compromise(town.registrar, MASTER, own.kid, WAITS)

    assert [key.kid for key in town.find_own(used)] == [own.kid]


def test_the_shared_keys_stay_for_as_long_as_they_sign_where_the_first_own_one_is_withdrawn(
    town, used, shared
):
    town.give(used)
    (own,) = town.find_own(used)
    town.clock.step(AHEAD - 1)

    key_withdrawal.compromise(town.registrar, MASTER, own.kid, WAITS)

    town.clock.step(AHEAD - 1)
    assert town.signer_of(used) == shared
    town.clock.step(DAY + STALE + SKEW)
    assert shared in town.list_set(used)
    town.clock.step(1)
    assert shared not in town.list_set(used)


def test_the_shared_keys_stay_for_tokens_of_a_life_that_is_allowed_no_more(town, used, shared):
    shorter = Waits(AHEAD, STALE, {**WAITS.longest_seconds, KeyPurpose.TOKEN: 600})

    own_keys.give(town.registrar, MASTER, used.identifier, shorter)

    town.clock.step(AHEAD + DAY)
    assert shared in town.list_set(used)


def test_the_shared_keys_stay_for_tokens_of_a_life_that_is_allowed_later(town, used, shared):
    town.give(used)

    key_lifetimes.align(town.engine, town.clock, {**WAITS.longest_seconds, KeyPurpose.TOKEN: 2 * DAY})

    town.clock.step(AHEAD + 2 * DAY)
    assert shared in town.list_set(used)


def test_another_algorithm_waits_until_the_key_that_was_given_up_has_ended(town, audience):
    """Until then its service may trust that key alone."""
    town.give(audience)
    town.give_up(audience)
    change = AudienceChange(signing_alg=SigningAlg.RS256)

    town.clock.step(AHEAD - 1)
    with pytest.raises(Conflict) as refusal:
        audiences.change_audience(town.registrar, audience.identifier, change)
    town.clock.step(1)

    assert audiences.change_audience(town.registrar, audience.identifier, change) != audience
    assert "still signs" in refusal.value.detail


def test_twice_is_once(town, audience, version):
    town.give(audience)
    before = version()

    assert town.give(audience).has_own_key
    assert (version(), len(town.find_own(audience))) == (before, 1)
    town.give_up(audience)
    before = version()
    town.give_up(audience)
    assert version() == before


def test_another_algorithm_waits_until_the_key_is_given_up(town, audience):
    town.give(audience)

    change = AudienceChange(signing_alg=SigningAlg.RS256)
    with pytest.raises(Conflict) as refusal:
        audiences.change_audience(town.registrar, audience.identifier, change)

    assert refusal.value.detail == (
        f"{audience.identifier} has a key of its own for ES256: give that up first"
    )


def test_a_removed_audience_has_no_key(town, audience):
    town.give(audience)
    town.clock.step(10)

    audiences.remove_audience(town.registrar, audience.identifier)

    (own,) = town.find_own(audience)
    assert own.state(town.clock.now()) is KeyState.RETIRED
    assert not audiences.find_audience_by_id(town.registrar, audience.id).has_own_key


def test_the_issuers_own_audiences_keep_the_shared_keys(town):
    with pytest.raises(Locked):
        own_keys.give(town.registrar, MASTER, "access", WAITS)


def test_an_audience_that_is_not_there_gets_none(town):
    with pytest.raises(NotFound):
        own_keys.give(town.registrar, MASTER, "nobody", WAITS)


def test_it_is_recorded_on_the_audience_and_the_key(town, audience):
    town.give(audience)

    changed, added = audit.list_events(town.registrar, limit=2)
    assert (changed.action, changed.target) == ("audience.key_changed", audience.identifier)
    assert (changed.before, changed.after) == ({"has_own_key": False}, {"has_own_key": True})
    assert (added.action, added.after["audience_id"]) == ("key.added", audience.id)


def test_of_one_audience_one_key_has_no_end(town, audience):
    """The database says so, whoever else writes."""
    town.give(audience)
    (own,) = town.find_own(audience)

    with db.writing(town.engine) as connection:
        assert not rows.add_key(connection, signing_keys.make_key(own.line, MASTER, Entropy(), START, DAY))
