"""Rows of signing keys: what is stored comes back, and one key of a kind is open at a time."""

import dataclasses

import pytest
from sqlalchemy import Engine

from issuer.model.signing_key import KeyPurpose, StoredKey
from issuer.store import signing_keys
from issuer.store.db import reading, writing

_KEY = StoredKey(
    kid="a",
    purpose=KeyPurpose.TOKEN,
    alg="ES256",
    public_jwk={"kid": "a", "kty": "EC"},
    sealed=b"\x00\xffsealed",
    master_key_id="m",
    created_at=1,
    published_at=2,
    signs_from=3,
    signs_until=None,
    verify_until=None,
    compromised_at=None,
    longest_lifetime_seconds=900,
)


def _add(engine: Engine, key: StoredKey) -> bool:
    with writing(engine) as connection:
        return signing_keys.add_key(connection, key)


def _list(engine: Engine) -> tuple[StoredKey, ...]:
    with reading(engine) as connection:
        return signing_keys.list_keys(connection)


@pytest.mark.parametrize(
    "key",
    [
        _KEY,
        dataclasses.replace(_KEY, signs_until=4, verify_until=5, compromised_at=6),
        dataclasses.replace(_KEY, purpose=KeyPurpose.REFRESH, alg="HS256", public_jwk=None),
    ],
    ids=["open", "ended", "HMAC"],
)
def test_key_comes_back_as_it_was_added(key, engine):
    is_added = _add(engine, key)

    assert is_added
    assert _list(engine) == (key,)


def test_second_open_key_of_a_kind_is_not_added(engine):
    _add(engine, _KEY)

    is_added = _add(engine, dataclasses.replace(_KEY, kid="b"))

    assert not is_added
    assert _list(engine) == (_KEY,)


def test_transaction_goes_on_after_a_key_was_not_added(engine):
    other = dataclasses.replace(_KEY, kid="c", alg="RS256")
    _add(engine, _KEY)

    with writing(engine) as connection:
        signing_keys.add_key(connection, dataclasses.replace(_KEY, kid="b"))
        signing_keys.add_key(connection, other)

    assert {key.kid for key in _list(engine)} == {"a", "c"}


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(_KEY, kid="b", alg="RS256"),
        dataclasses.replace(_KEY, kid="b", purpose=KeyPurpose.REFRESH),
        dataclasses.replace(_KEY, kid="b", signs_until=9),
    ],
    ids=["other algorithm", "other purpose", "ended"],
)
def test_key_of_another_kind_is_added_beside(other, engine):
    _add(engine, _KEY)

    assert _add(engine, other)


def test_keys_are_listed_newest_first(engine):
    for kid, signs_from, signs_until in (("old", 1, 5), ("new", 9, None), ("mid", 5, 9)):
        _add(engine, dataclasses.replace(_KEY, kid=kid, signs_from=signs_from, signs_until=signs_until))

    assert [key.kid for key in _list(engine)] == ["new", "mid", "old"]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ({}, (5000, None)),
        ({"signs_from": 2000}, (5000, None)),
        ({"signs_until": 1001, "verify_until": 2000}, (5000, 6100)),
        ({"signs_from": 500, "signs_until": 941, "verify_until": 2000}, (5000, 6100)),
        ({"signs_from": 500, "signs_until": 940, "verify_until": 2000}, (900, 2000)),
        ({"signs_from": 950, "signs_until": 950, "verify_until": 950}, (900, 950)),
        ({"compromised_at": 1}, (900, None)),
        ({"longest_lifetime_seconds": 5000}, (5000, None)),
        ({"longest_lifetime_seconds": 5001}, (5001, None)),
        ({"purpose": KeyPurpose.REFRESH}, (900, None)),
    ],
    ids=[
        "open",
        "pending",
        "ending",
        "ended",
        "ended long ago",
        "withdrawn",
        "compromised",
        "as long",
        "longer",
        "other purpose",
    ],
)
def test_a_longer_lifetime_is_remembered_on_the_keys_that_still_sign(engine, times, expected):
    """What a key signed until now is unharmed; what it signs from now on may live longer."""
    _add(engine, dataclasses.replace(_KEY, **times))

    with writing(engine) as connection:
        raised = signing_keys.change_longest_lifetime(connection, KeyPurpose.TOKEN, 5000, 1000, 60)

    (key,) = _list(engine)
    was = times.get("longest_lifetime_seconds", 900)
    assert (key.longest_lifetime_seconds, key.verify_until) == expected
    assert raised == ((key.kid,) if expected[0] > was else ())
