"""Rotation as several processes see it: what one signs, every verifier can check, at every moment.

Each process looks at the registry at its own time, up to a second late; verifiers keep what they
fetched from any of them for as long as a key is published ahead.
"""

import random

import pytest
from sqlalchemy.orm import Session

from issuer.entropy import Entropy
from issuer.issuing.keyring import Keyring
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import KeyLine, KeyPurpose
from issuer.registry import key_rotation, signing_keys
from issuer.registry.key_steps import Waits
from issuer.registry.registrar import Registrar
from issuer.store import db
from issuer.store import signing_keys as rows

MASTER = (b"m" * 32,)
# Of the shortest that settings allow, a second is for the look and a minute for the clocks.
AHEAD, CACHE_SECONDS, LIFETIME_SECONDS, STALE_SECONDS = 961, 900, 900, 30
LONGEST = {KeyPurpose.TOKEN: LIFETIME_SECONDS, KeyPurpose.REFRESH: LIFETIME_SECONDS}
WAITS = Waits(AHEAD, STALE_SECONDS, LONGEST)
PROCESSES, STEPS = 4, 60


@pytest.fixture
def registrar(engine, clock):
    """Give a registrar, beside the first keys: without RS256, whose keys take long to make."""
    kinds = ((KeyPurpose.TOKEN, "ES256"), (KeyPurpose.REFRESH, "HS256"))
    with db.writing(engine) as connection:
        for kind in kinds:
            key = signing_keys.make_key(KeyLine(*kind), MASTER, Entropy(), clock.now(), LIFETIME_SECONDS)
            assert rows.add_key(connection, key)
    with Session(engine) as session:
        actor = Actor(ActorKind.TERMINAL, "alice")
        yield Registrar(session, actor, clock, Entropy(), "https://id.example", LIFETIME_SECONDS)


@pytest.fixture
def keyrings(engine, clock, registrar):
    """Give the keyrings of four processes."""
    made = [Keyring(clock) for _ in range(PROCESSES)]
    for keyring in made:
        keyring.load(engine, MASTER)
    return made


def published(keyring: Keyring, now: int) -> set[str]:
    return {key["kid"] for key in keyring.list_published(now)}


@pytest.mark.parametrize("seed", range(10))
def test_what_any_process_signs_is_published_wherever_it_may_have_been_fetched(
    engine, clock, registrar, keyrings, seed
):
    draw = random.Random(seed)
    fetched: list[tuple[int, set[str]]] = []
    alive: list[tuple[int, str]] = []
    used = set()

    for _ in range(STEPS):
        if draw.random() < 0.3 and not is_waiting(engine, "ES256", clock.now()):
            key_rotation.rotate(registrar, MASTER, key_rotation.list_shared_lines(["ES256"]), WAITS)
            late = [keyring for keyring in keyrings if draw.random() < 0.5]
            for keyring in keyrings:
                if keyring not in late:
                    keyring.reload(engine)
            clock.step(1)
            for keyring in late:
                keyring.reload(engine)
        now = clock.now()
        fetched += [(now, published(keyring, now)) for keyring in keyrings]
        fetched = [(at, kids) for at, kids in fetched if at >= now - CACHE_SECONDS]
        signers = {keyring.signer(KeyPurpose.TOKEN, "ES256", now).kid for keyring in keyrings}
        used |= signers
        alive = [(exp, kid) for exp, kid in alive if exp > now]
        alive += [(now + LIFETIME_SECONDS, kid) for kid in signers]

        assert all(signers <= kids for _, kids in fetched)
        assert all({kid for _, kid in alive} <= published(keyring, now) for keyring in keyrings)
        clock.step(draw.choice([1, 29, 300, 959, 960, 961]))

    assert len(used) > 2


def test_a_refresh_token_of_any_process_is_read_by_every_other(engine, clock, registrar, keyrings):
    """From the second in which a new key is there, with half the processes a second late."""
    key_rotation.rotate(registrar, MASTER, key_rotation.list_shared_lines(["HS256"]), WAITS)
    for keyring in keyrings[:2]:
        keyring.reload(engine)

    kids = set()
    for second in range(STALE_SECONDS + 10):
        now = clock.now()
        signers = {keyring.signer(KeyPurpose.REFRESH, "HS256", now).kid for keyring in keyrings}
        assert all(
            keyring.find_verifying_key(kid, KeyPurpose.REFRESH, now)
            for keyring in keyrings
            for kid in signers
        )
        assert not any(published(keyring, now) & signers for keyring in keyrings)
        kids |= signers
        clock.step(1)
        if second == 0:
            for keyring in keyrings[2:]:
                keyring.reload(engine)

    assert len(kids) == 2


def test_who_does_not_see_the_registry_signs_with_a_key_that_others_still_verify(
    engine, clock, registrar, keyrings
):
    """A process goes on for a while while the database is away for it alone."""
    key_rotation.rotate_now(registrar, MASTER, key_rotation.list_shared_lines(["ES256"]), WAITS)
    blind, *seeing = keyrings
    for keyring in seeing:
        keyring.reload(engine)
    clock.step(STALE_SECONDS)

    kid = blind.signer(KeyPurpose.TOKEN, "ES256", clock.now()).kid
    clock.step(LIFETIME_SECONDS)

    assert all(kid in published(keyring, clock.now()) for keyring in seeing)


def is_waiting(engine, alg: str, now: int) -> bool:
    return any(key.alg == alg and key.signs_from > now for key in signing_keys.list_signing_keys(engine))
