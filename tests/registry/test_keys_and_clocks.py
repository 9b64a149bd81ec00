"""Clocks that are set: ahead by mistake and back again, no key is lost that anybody needs to start."""

import pytest

from issuer.entropy import Entropy
from issuer.issuing.keyring import Keyring
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.registry import key_rotation, key_upkeep, key_withdrawal, signing_keys
from issuer.registry.key_steps import Waits
from issuer.registry.tick import MARGIN_SECONDS
from issuer.store import db
from issuer.store import signing_keys as rows
from tests.conftest import START

MASTER = (b"m" * 32,)
DAY, YEAR = 86_400, 365 * 86_400
WAITS = Waits(DAY, 30, {KeyPurpose.TOKEN: DAY, KeyPurpose.REFRESH: 90 * DAY})
LINE = KeyLine(KeyPurpose.TOKEN, "ES256")


@pytest.fixture(autouse=True)
def first(engine):
    """Give the kid of the first key."""
    made = signing_keys.make_key(LINE, MASTER, Entropy(), START, DAY)
    with db.writing(engine) as connection:
        assert rows.add_key(connection, made)
    return made.kid


@pytest.fixture
def rotate_now(registrar):
    return lambda: key_rotation.rotate_now(registrar, MASTER, [LINE], WAITS)[0]


@pytest.fixture
def start(engine, clock):
    """Give the function that returns the keyring of a process that starts now."""

    def run() -> Keyring:
        keyring = Keyring(clock)
        keyring.load(engine, MASTER)
        return keyring

    return run


def sign(keyring: Keyring, now: int) -> str:
    return keyring.signer(KeyPurpose.TOKEN, "ES256", now).kid


def list_published(keyring: Keyring, now: int) -> set[str]:
    return {key["kid"] for key in keyring.list_published(now)}


def test_what_was_erased_by_a_clock_that_was_ahead_keeps_nobody_from_starting(
    clock, registrar, rotate_now, start, first
):
    made = rotate_now().key.kid
    clock.step(YEAR)
    assert key_upkeep.erase(registrar) == (first,)
    clock.step(-YEAR)

    assert sign(start(), clock.now()) == made
    assert list_published(start(), clock.now()) == {made}
    assert rotate_now().previous.kid == made


def test_a_key_that_was_erased_never_signs_on(clock, registrar, start, first):
    (rotated,) = key_rotation.rotate(registrar, MASTER, [LINE], WAITS)
    clock.at = rotated.previous.verify_until + MARGIN_SECONDS
    key_upkeep.erase(registrar)
    clock.at = START

    key_withdrawal.compromise(registrar, MASTER, rotated.key.kid, WAITS)

    assert sign(start(), clock.now()) not in {first, rotated.key.kid}


def test_keys_that_were_made_by_a_clock_that_was_ahead_are_published_when_they_sign(
    clock, rotate_now, start, first
):
    clock.step(-YEAR)

    rotated = rotate_now()

    assert rotated.key.kid == sign(start(), clock.now()) == first
    assert list_published(start(), clock.now()) == {first}


def test_a_key_that_signed_while_the_clock_was_ahead_is_published_when_it_is_set_back(
    clock, rotate_now, start, first
):
    clock.step(YEAR)
    made = rotate_now().key.kid
    clock.step(-YEAR)

    assert sign(start(), clock.now()) == first
    assert list_published(start(), clock.now()) == {first, made}


def test_where_a_compromised_key_would_sign_again_after_a_clock_was_set_back_another_does(
    engine, clock, registrar, rotate_now, start, first
):
    clock.step(100)
    made = rotate_now().key.kid
    key_withdrawal.compromise(registrar, MASTER, first, WAITS)
    clock.step(-50)

    key_withdrawal.compromise(registrar, MASTER, made, WAITS)

    assert sign(start(), clock.now()) not in {first, made}
    signing = [
        key
        for key in signing_keys.list_signing_keys(engine)
        if key.state(clock.now() + YEAR) is KeyState.ACTIVE
    ]
    assert len(signing) == 1
