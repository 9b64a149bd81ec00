"""Import: a key made elsewhere follows the one that signs, waits like any other, and comes once."""

import json
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from issuer.entropy import Entropy
from issuer.errors import Conflict, InvalidValue, NotFound, WrongMasterKey
from issuer.jose import sealing
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.registry import audit, key_import, key_rotation, signing_keys
from issuer.registry.key_rotation import list_shared_lines
from issuer.registry.key_steps import Waits
from issuer.store import db
from issuer.store import signing_keys as rows
from tests.conftest import START

MASTER = (b"m" * 32,)
AHEAD, DAY = 961, 86_400
WAITS = Waits(AHEAD, 30, dict.fromkeys(KeyPurpose, DAY))
MATERIAL = ECKey.generate_key("P-256")
KID, PEM = MATERIAL.thumbprint(), MATERIAL.as_pem(private=True)


@pytest.fixture(autouse=True)
def first(engine):
    """Give the first key of ES256."""
    key = signing_keys.make_key(KeyLine(KeyPurpose.TOKEN, "ES256"), MASTER, Entropy(), START, DAY)
    with db.writing(engine) as connection:
        assert rows.add_key(connection, key)
    return key


@pytest.fixture
def add(registrar):
    """Give the function that imports a text."""
    return lambda text=PEM, master_keys=MASTER, **options: key_import.add_key(
        registrar, master_keys, text, WAITS, **options
    )


def test_an_imported_key_waits_and_then_follows_the_one_that_signs(add, clock, first):
    done = add()

    now, key = clock.now(), done.key
    assert (key.kid, key.published_at, key.signs_from) == (KID, now, now + AHEAD)
    assert (key.signs_until, key.verify_until) == (None, None)
    assert key.state(now) is KeyState.PENDING
    assert (done.previous.kid, done.previous.signs_until) == (first.kid, now + AHEAD)


def test_an_imported_key_is_sealed_like_any_other(add):
    key = add().key

    opened = sealing.open_key(key, MASTER)
    assert opened.material.private_key.private_numbers() == MATERIAL.private_key.private_numbers()
    assert key.master_key_id == sealing.master_key_id(MASTER[0])
    assert dict(key.public_jwk) == {
        **{name: MATERIAL.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")},
        "kid": KID,
        "use": "sig",
        "alg": "ES256",
    }


def test_at_once_it_signs_from_this_second(add, clock):
    done = add(is_to_wait=False)

    assert done.key.state(clock.now()) is KeyState.ACTIVE
    assert done.previous.state(clock.now()) is KeyState.RETIRED


def test_an_import_is_told_in_the_audit_without_the_key(add, registrar):
    add()

    imported, added, ended = audit.list_events(registrar, limit=3)
    assert [event.action for event in (imported, added, ended)] == ["key.imported", "key.added", "key.ended"]
    assert (imported.target, imported.after) == (KID, {"alg": "ES256"})
    assert MATERIAL.as_dict(private=True)["d"] not in repr((imported, added, ended))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_nothing_private_of_an_imported_key_stands_in_the_file(add, engine):
    add()

    path = Path(engine.url.database)
    written = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))

    number = MATERIAL.private_key.private_numbers().private_value
    assert KID.encode() in written
    assert number.to_bytes(32, "big") not in written
    assert MATERIAL.as_dict(private=True)["d"].encode() not in written
    assert b"PRIVATE" not in written


@pytest.mark.parametrize("form", ["PEM", "JWK"])
def test_the_same_key_comes_once_in_whatever_form_and_state(add, clock, form):
    add(is_to_wait=False)
    clock.step(1000 * DAY)
    text = PEM if form == "PEM" else json.dumps(MATERIAL.as_dict(private=True)).encode()

    with pytest.raises(Conflict) as refusal:
        add(text)

    assert refusal.value.detail == f"The key {KID} is here already; a key never comes back."


@pytest.mark.parametrize("is_to_wait", [True, False])
def test_where_a_key_waits_already_none_is_imported(add, registrar, is_to_wait):
    key_rotation.rotate(registrar, MASTER, list_shared_lines(["ES256"]), WAITS)

    with pytest.raises(Conflict) as refusal:
        add(is_to_wait=is_to_wait)

    assert refusal.value.detail.startswith("A next ES256 key is already waiting, it signs at ")


def test_where_there_is_none_to_follow_none_is_imported(add, orders, registrar):
    with pytest.raises(Conflict):
        add(audience=orders.identifier)
    with pytest.raises(NotFound):
        add(audience="nowhere")


def test_what_is_no_key_or_another_master_key_changes_nothing(add, engine):
    before = signing_keys.list_signing_keys(engine)

    with pytest.raises(InvalidValue):
        add(b"no key")
    with pytest.raises(WrongMasterKey):
        add(master_keys=(b"o" * 32,))

    assert signing_keys.list_signing_keys(engine) == before


def test_a_key_of_an_audience_is_the_next_of_its_own_line(add, engine, orders, first):
    line = KeyLine(KeyPurpose.TOKEN, "ES256", orders.id)
    own = signing_keys.make_key(line, MASTER, Entropy(), START, DAY)
    with db.writing(engine) as connection:
        assert rows.add_key(connection, own)

    done = add(audience=orders.identifier)

    assert (done.key.audience_id, done.previous.kid) == (orders.id, own.kid)
    stored = {key.kid: key for key in signing_keys.list_signing_keys(engine)}
    assert stored[first.kid].signs_until is None
