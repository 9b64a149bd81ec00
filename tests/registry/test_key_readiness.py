"""Readiness: when a key may sign, why it waits, and who has fetched it since it was announced."""

from dataclasses import replace

import pytest

from issuer.config import SHORTEST_PUBLISH_AHEAD_SECONDS
from issuer.entropy import Entropy
from issuer.model.jwks_fetch import MAIN_DOCUMENT, FetchKey, FetchSum
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.registry import key_readiness, signing_keys
from issuer.store import db, jwks_fetches
from issuer.store import signing_keys as rows
from tests.conftest import START

DAY, HOUR = 86_400, 3600
HORIZON = SHORTEST_PUBLISH_AHEAD_SECONDS


@pytest.fixture
def add_key(engine):
    """Give the function that stores a key, announced now and signing in a day unless said otherwise."""

    def add(purpose=KeyPurpose.TOKEN, alg="ES256", audience_id=None, **times):
        made = signing_keys.make_key(KeyLine(purpose, alg, audience_id), (b"m" * 32,), Entropy(), START, DAY)
        key = replace(made, **{"signs_from": START + DAY, **times})
        with db.writing(engine) as connection:
            assert rows.add_key(connection, key)
        return key

    return add


@pytest.fixture
def fetch(engine):
    """Give the function that notes when a user agent fetched last."""

    def note(user_agent, at, document=MAIN_DOCUMENT):
        with db.writing(engine) as connection:
            jwks_fetches.add_fetches(connection, {FetchKey(document, user_agent): FetchSum(at, at, 1)})

    return note


@pytest.fixture
def assess(registrar, clock):
    """Give the function that returns what is known of the newest key after so many seconds."""

    def run(after=0):
        clock.at = START + after
        return key_readiness.list_readiness(registrar)[0]

    return run


def names(fetches):
    return {each.user_agent for each in fetches}


def test_until_caches_have_run_out_a_key_waits(add_key, assess, fetch):
    add_key()
    fetch("jose/v6", START + 10)

    found = assess(HORIZON - 1)

    assert (found.is_safe, found.wait_until, found.horizon) == (False, START + HORIZON, START + HORIZON)
    assert found.reason == (
        "Services may go on using the keys that they fetched before 2027-01-15T08:00:00Z "
        "until 2027-01-15T08:16:01Z."
    )
    assert names(found.fetched) == {"jose/v6"}


def test_after_that_it_may_sign_if_everyone_came_since(add_key, assess, fetch):
    add_key()
    fetch("jose/v6", START - 100)
    fetch("jose/v6", START + 400)

    found = assess(HORIZON)

    assert (found.is_safe, found.wait_until, names(found.fetched)) == (True, None, {"jose/v6"})
    assert found.reason.startswith("Caches from before it was announced ran out at 2027-01-15T08:16:01Z, and")


@pytest.mark.parametrize(("others", "who"), [(1, "One user agent"), (3, "3 user agents")])
def test_who_did_not_come_since_is_waited_for_until_the_time_that_was_set(
    add_key, assess, fetch, others, who
):
    add_key()
    fetch("jose/v6", START + 400)
    for number in range(others):
        fetch(f"old{number}/1", START - HOUR)

    found = assess(HORIZON)

    assert (found.is_safe, found.wait_until) == (False, START + DAY)
    assert f"but {who} fetched the keys within the last 24 hours and not since" in found.reason
    assert names(found.missing) == {f"old{number}/1" for number in range(others)}
    assert names(found.fetched) == {"jose/v6"}


def test_who_has_not_come_for_a_day_is_not_waited_for(add_key, assess, fetch):
    add_key(signs_from=START + 2 * DAY)
    fetch("old/1", START - 1)

    assert names(assess(DAY - 1).missing) == {"old/1"}
    found = assess(DAY)

    assert (found.missing, found.is_safe) == ((), True)


@pytest.mark.parametrize(("seconds", "is_since"), [(0, False), (4, False), (5, True)])
def test_what_is_fetched_in_the_seconds_of_the_announcement_may_be_without_the_key(
    add_key, assess, fetch, seconds, is_since
):
    """A process looks at the keys about twice a second, later on a busy machine."""
    add_key()
    fetch("jose/v6", START + seconds)

    found = assess(HORIZON)

    assert (found.is_safe, bool(found.fetched), bool(found.missing)) == (is_since, is_since, not is_since)


def test_a_key_that_signs_before_caches_ran_out_says_so(add_key, assess):
    before = add_key(published_at=START - DAY, signs_from=START - DAY, signs_until=START)
    add_key(signs_from=START)

    assert before.signs_until == START
    assert assess(1).reason.startswith("It signs already, and services may go on using the keys that they")
    assert assess(1).wait_until == START + HORIZON
    assert (assess(HORIZON).is_safe, assess(HORIZON).wait_until) == (True, None)


def test_the_first_key_of_all_is_safe_from_its_first_second(add_key, assess):
    add_key(signs_from=START)

    assert assess(0).is_safe
    assert "the first of its kind" in assess(0).reason


def test_a_key_after_a_pause_is_not_the_first_of_its_set(add_key, assess, orders):
    """An audience that was given a key again may still be cached without it."""
    ended = {"signs_until": START - HOUR, "verify_until": START + DAY}
    add_key(audience_id=orders.id, published_at=START - DAY, signs_from=START - DAY, **ended)
    add_key(audience_id=orders.id, signs_from=START)

    assert assess(0).wait_until == START + HORIZON
    assert "the first of its kind" not in assess(0).reason


def test_a_key_of_refresh_tokens_is_fetched_by_nobody(add_key, assess, fetch):
    add_key(KeyPurpose.REFRESH, "HS256", signs_from=START + 35)
    fetch("jose/v6", START - 1)

    waiting, signing = assess(34), assess(35)

    assert (waiting.wait_until, waiting.fetched, waiting.missing) == (START + 35, (), ())
    assert (signing.is_safe, signing.reason) == (True, "It signs. No service verifies with it.")


def test_keys_that_sign_no_more_are_not_among_them(add_key, registrar):
    retired = {"signs_from": START - DAY, "signs_until": START - 1, "verify_until": START + DAY}
    add_key(**retired)
    add_key(compromised_at=START, **retired)
    active, waiting = (
        add_key(signs_from=START, signs_until=START + DAY, verify_until=START + 9 * DAY),
        add_key(),
    )

    found = key_readiness.list_readiness(registrar)

    assert [(each.key.kid, each.key.state(START)) for each in found] == [
        (waiting.kid, KeyState.PENDING),
        (active.kid, KeyState.ACTIVE),
    ]


def test_of_an_audiences_own_key_its_own_document_counts(add_key, assess, fetch, orders):
    add_key(audience_id=orders.id)
    fetch("everyone/1", START + 400)
    fetch("orders/1", START + 400, document=int(orders.id))

    assert names(assess(HORIZON).fetched) == {"orders/1"}
