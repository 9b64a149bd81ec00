"""A key knows the longest life that was ever allowed to what it signs."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from issuer.entropy import Entropy
from issuer.model.signing_key import KeyLine, KeyPurpose
from issuer.registry import audiences, audit, key_lifetimes, key_rotation, signing_keys
from issuer.registry.audiences import AudienceChange, NewAudience
from issuer.registry.key_steps import Waits
from issuer.registry.registrar import Registrar
from issuer.store.registry_version import Concern, ConcernKind

DAY = 86_400
SETTINGS = {KeyPurpose.TOKEN: DAY, KeyPurpose.REFRESH: 90 * DAY}


@pytest.fixture
def keys(engine: Engine, clock, entropy) -> None:
    """Make the first keys: a day for access tokens, 90 for refresh tokens."""
    signing_keys.make_first_keys(engine, (b"m" * 32,), clock, Entropy(), SETTINGS)


@pytest.fixture
def known(engine: Engine, keys) -> Callable[[], dict[str, int]]:
    """Give the function that returns how many days each key knows, by algorithm."""
    return lambda: {
        key.alg: key.longest_lifetime_seconds // DAY for key in signing_keys.list_signing_keys(engine)
    }


def test_the_first_keys_know_what_the_settings_allow_to_their_purpose(known):
    """A refresh token outlives every access token: its key must go on verifying as long."""
    assert known() == {"RS256": 1, "ES256": 1, "HS256": 90}


def test_a_new_audience_that_allows_more_is_remembered(registrar: Registrar, shop, known, version, concerns):
    before = version()

    audiences.add_audience(registrar, NewAudience("a", shop.name, refresh_absolute_seconds=200 * DAY))

    assert known() == {"RS256": 1, "ES256": 1, "HS256": 200}
    assert concerns(before) == {Concern(before + 1, ConcernKind.KEYS)}
    event = audit.list_events(registrar, limit=1)[0]
    assert (event.action, event.target_kind) == ("key.lifetime_raised", "key")
    assert (event.before, event.after) == (None, {"longest_lifetime_seconds": 200 * DAY})


def test_a_changed_audience_that_allows_more_is_remembered(registrar: Registrar, orders, known):
    wanted = AudienceChange(refresh_absolute_seconds=200 * DAY)

    audiences.change_audience(registrar, orders.identifier, wanted)

    assert known()["HS256"] == 200


def test_what_was_allowed_once_stays_remembered(registrar: Registrar, orders, known):
    for days in (200, 20):
        wanted = AudienceChange(refresh_absolute_seconds=days * DAY)
        audiences.change_audience(registrar, orders.identifier, wanted)

    assert known()["HS256"] == 200


@pytest.mark.parametrize("seconds", [None, 10, 90 * DAY])
def test_an_audience_that_allows_no_more_concerns_no_key(
    registrar: Registrar, shop, known, version, concerns, seconds
):
    before = version()

    audiences.add_audience(registrar, NewAudience("a", shop.name, refresh_absolute_seconds=seconds))

    assert known()["HS256"] == 90
    assert concerns(before) == {Concern(before + 1, ConcernKind.NOBODY)}


def test_a_start_remembers_what_the_settings_allow_now(engine, clock, known, registrar, version, concerns):
    before = version()
    wanted = {KeyPurpose.TOKEN: 2 * DAY, KeyPurpose.REFRESH: 120 * DAY}

    key_lifetimes.align(engine, clock, wanted)

    assert known() == {"RS256": 2, "ES256": 2, "HS256": 120}
    assert concerns(before) == {Concern(before + 1, ConcernKind.KEYS)}
    assert [event.action for event in audit.list_events(registrar, limit=3)] == ["key.lifetime_raised"] * 3


@pytest.mark.parametrize(("seconds_ago", "days"), [(59, 2), (60, 1)])
def test_a_key_that_ended_a_moment_ago_may_sign_still_where_a_clock_is_behind(
    engine, clock, known, registrar, seconds_ago, days
):
    """A token of the new life, signed there with that key, is not orphaned."""
    waits = Waits(961, 30, SETTINGS)
    line = KeyLine(KeyPurpose.TOKEN, "ES256")
    clock.step(1)
    (rotated,) = key_rotation.rotate_now(registrar, (b"m" * 32,), [line], waits)
    clock.step(seconds_ago)

    key_lifetimes.align(engine, clock, SETTINGS | {KeyPurpose.TOKEN: 2 * DAY})

    stored = {key.kid: key for key in signing_keys.list_signing_keys(engine)}
    ended = stored[rotated.previous.kid]
    assert ended.longest_lifetime_seconds == days * DAY
    assert ended.verify_until == ended.signs_until + days * DAY + waits.overlap_seconds
    assert stored[rotated.key.kid].longest_lifetime_seconds == 2 * DAY


def test_a_start_remembers_what_audiences_allowed_before_keys_knew(
    engine, clock, registrar: Registrar, shop, entropy
):
    """An audience may be older than the key, and a database older than this rule."""
    audiences.add_audience(registrar, NewAudience("a", shop.name, refresh_absolute_seconds=300 * DAY))
    signing_keys.make_first_keys(engine, (b"m" * 32,), clock, Entropy(), SETTINGS)

    key_lifetimes.align(engine, clock, SETTINGS)

    longest = {key.alg: key.longest_lifetime_seconds for key in signing_keys.list_signing_keys(engine)}
    assert longest == {"RS256": DAY, "ES256": DAY, "HS256": 300 * DAY}


def test_a_start_with_nothing_new_writes_nothing(engine, clock, known, version):
    before = version()

    key_lifetimes.align(engine, clock, SETTINGS)
    key_lifetimes.align(engine, clock, {KeyPurpose.TOKEN: 60, KeyPurpose.REFRESH: 60})

    assert version() == before
    assert known() == {"RS256": 1, "ES256": 1, "HS256": 90}
