"""The keyring: which key signs, which are published, and what a reload keeps."""

import dataclasses
import threading

import pytest
from sqlalchemy import Engine, event, update

from issuer.entropy import Entropy
from issuer.errors import ServerError, TemporarilyUnavailable, WrongMasterKey
from issuer.issuing.keyring import Keyring
from issuer.jose import keys, sealing, signing
from issuer.model.signing_key import KeyPurpose, StoredKey
from issuer.store import signing_keys
from issuer.store.db import writing
from issuer.store.tables import SigningKeyRow

_MASTER = (b"m" * 32,)
_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}
_RSA = keys.make_signing_key("RS256", Entropy())
_EC, _NEXT_EC, _OLD_EC = (keys.make_signing_key("ES256", Entropy()) for _ in range(3))
_HMAC = keys.make_signing_key("HS256", Entropy())


@pytest.fixture
def now(clock) -> int:
    return clock.now()


@pytest.fixture
def keyring(clock) -> Keyring:
    return Keyring(clock)


@pytest.fixture
def add(engine, now):
    """Give the function that stores a key, signing since 100 seconds unless it is told otherwise."""

    def add_key(key: keys.SigningKey, **changes: int | None) -> StoredKey:
        purpose = KeyPurpose.REFRESH if key.alg == "HS256" else KeyPurpose.TOKEN
        master_key_id, sealed = sealing.seal_key(key, purpose, _MASTER, Entropy())
        stored = StoredKey(
            kid=key.kid,
            purpose=purpose,
            alg=key.alg,
            public_jwk=None if key.alg == "HS256" else keys.public_jwk(key),
            sealed=sealed,
            master_key_id=master_key_id,
            created_at=now - 100,
            published_at=now - 100,
            signs_from=now - 100,
            signs_until=None,
            verify_until=None,
            compromised_at=None,
            longest_lifetime_seconds=900,
        )
        stored = dataclasses.replace(stored, **changes)
        with writing(engine) as connection:
            assert signing_keys.add_key(connection, stored)
        return stored

    return add_key


@pytest.fixture
def first_keys(add) -> None:
    """Store one key of each kind."""
    for key in (_EC, _HMAC, _RSA):
        add(key)


def _change(engine: Engine, kid: str, **values: object) -> None:
    with writing(engine) as connection:
        connection.execute(update(SigningKeyRow).where(SigningKeyRow.kid == kid).values(**values))


def _kids(published) -> list[str]:
    return [jwk["kid"] for jwk in published]


# signing


@pytest.mark.usefixtures("first_keys")
@pytest.mark.parametrize(
    ("purpose", "key"),
    [(KeyPurpose.TOKEN, _RSA), (KeyPurpose.TOKEN, _EC), (KeyPurpose.REFRESH, _HMAC)],
    ids=["RS256", "ES256", "refresh"],
)
def test_key_of_the_purpose_and_algorithm_signs(purpose, key, engine, keyring, now):
    keyring.load(engine, _MASTER)

    token = signing.sign_claims({"jti": "x"}, keyring.signer(purpose, key.alg, now), "JWT")

    verified = signing.verify_compact(
        token, find_key={key.kid: key}.get, algs=frozenset({key.alg}), typ="JWT"
    )
    assert verified.claims == {"jti": "x"}


@pytest.mark.usefixtures("first_keys")
@pytest.mark.parametrize(
    ("purpose", "alg"),
    [
        (KeyPurpose.REFRESH, "RS256"),
        (KeyPurpose.REFRESH, "ES256"),
        (KeyPurpose.TOKEN, "HS256"),
        (KeyPurpose.TOKEN, "none"),
    ],
)
def test_key_never_stands_in_for_another_purpose_or_algorithm(purpose, alg, engine, keyring, now):
    keyring.load(engine, _MASTER)

    with pytest.raises(TemporarilyUnavailable):
        keyring.signer(purpose, alg, now)


def test_newest_key_signs_from_its_second_on(add, engine, keyring, now):
    add(_EC, signs_until=now + 10, verify_until=now + 1000)
    add(_NEXT_EC, signs_from=now + 10)
    keyring.load(engine, _MASTER)

    signers = [keyring.signer(KeyPurpose.TOKEN, "ES256", at).kid for at in (now, now + 9, now + 10)]

    assert signers == [_EC.kid, _EC.kid, _NEXT_EC.kid]


def test_newest_of_two_that_may_sign_does(add, engine, keyring, now):
    add(_EC, signs_until=now + 10)
    add(_NEXT_EC, signs_from=now - 1)
    keyring.load(engine, _MASTER)

    assert keyring.signer(KeyPurpose.TOKEN, "ES256", now).kid == _NEXT_EC.kid


@pytest.mark.parametrize(
    "changes",
    [{"signs_from": 1}, {"signs_until": 0}, {"signs_until": -1}, {"compromised_at": 0}],
    ids=["pending", "ended now", "ended", "compromised"],
)
def test_key_whose_time_is_not_now_does_not_sign(changes, add, engine, keyring, now):
    add(_EC, **{name: now + seconds for name, seconds in changes.items()})
    keyring.load(engine, _MASTER)

    with pytest.raises(TemporarilyUnavailable) as refusal:
        keyring.signer(KeyPurpose.TOKEN, "ES256", now)
    assert refusal.value.detail == "no key signs ES256 for token now"


def test_empty_keyring_signs_and_publishes_nothing(keyring, now):
    assert keyring.list_published(now) == []
    with pytest.raises(TemporarilyUnavailable):
        keyring.signer(KeyPurpose.TOKEN, "RS256", now)


# publishing


@pytest.mark.usefixtures("first_keys")
def test_token_keys_are_published_and_the_refresh_key_never(engine, keyring, now):
    keyring.load(engine, _MASTER)

    published = keyring.list_published(now)

    assert published == [keys.public_jwk(_RSA), keys.public_jwk(_EC)]
    assert not _PRIVATE_MEMBERS & {member for jwk in published for member in jwk}


def test_hmac_key_of_a_row_that_says_token_is_not_published(add, engine, keyring, now):
    stored = add(_HMAC)
    _, sealed = sealing.seal_key(_HMAC, KeyPurpose.TOKEN, _MASTER, Entropy())
    _change(engine, stored.kid, purpose="token", sealed=sealed, public_jwk={"kid": "x", "k": "secret"})

    with pytest.raises(ServerError):
        keyring.load(engine, _MASTER)
    assert keyring.list_published(now) == []


def test_published_keys_stand_newest_first_and_keep_their_order(add, engine, keyring, now):
    add(_OLD_EC, signs_from=now - 900, signs_until=now - 100, verify_until=now + 900)
    add(_RSA)
    add(_EC, signs_until=now + 5, verify_until=now + 900)
    add(_NEXT_EC, signs_from=now + 5)
    keyring.load(engine, _MASTER)

    published = keyring.list_published(now)

    assert _kids(published) == [_NEXT_EC.kid, _RSA.kid, _EC.kid, _OLD_EC.kid]
    keyring.reload(engine)
    assert keyring.list_published(now) == published


def test_pending_key_is_published_from_when_it_is_there(add, engine, keyring, now):
    """Also by a clock that is behind that of whoever made it."""
    add(_EC, published_at=now + 10, signs_from=now + 20)
    keyring.load(engine, _MASTER)

    assert _kids(keyring.list_published(now)) == [_EC.kid]


def test_retired_key_is_published_until_nothing_of_it_is_valid(add, engine, keyring, now):
    add(_EC, signs_until=now - 10, verify_until=now + 10)
    keyring.load(engine, _MASTER)

    assert _kids(keyring.list_published(now + 9)) == [_EC.kid]
    assert _kids(keyring.list_published(now + 10)) == []


def test_compromised_key_is_not_published(add, engine, keyring, now):
    add(_EC, compromised_at=now - 1)
    keyring.load(engine, _MASTER)

    assert keyring.list_published(now) == []


def test_forged_public_jwk_in_the_row_is_not_published(add, engine, keyring, now):
    """Whoever can write the database but has no master key cannot make services trust a key."""
    add(_EC)
    _change(engine, _EC.kid, public_jwk={**keys.public_jwk(_OLD_EC), "kid": _EC.kid})
    keyring.load(engine, _MASTER)

    assert keyring.list_published(now) == [keys.public_jwk(_EC)]


# verifying


@pytest.mark.usefixtures("first_keys")
def test_verifying_key_is_found_by_kid_and_purpose(engine, keyring, now):
    keyring.load(engine, _MASTER)

    token_key = keyring.find_verifying_key(_EC.kid, KeyPurpose.TOKEN, now)
    refresh_key = keyring.find_verifying_key(_HMAC.kid, KeyPurpose.REFRESH, now)

    assert (token_key.kid, token_key.alg) == (_EC.kid, "ES256")
    assert not token_key.material.is_private
    assert (refresh_key.kid, refresh_key.alg) == (_HMAC.kid, "HS256")


@pytest.mark.usefixtures("first_keys")
@pytest.mark.parametrize(
    ("kid", "purpose"),
    [(_EC.kid, KeyPurpose.REFRESH), (_HMAC.kid, KeyPurpose.TOKEN), ("", KeyPurpose.TOKEN), ("x", "other")],
    ids=["EC", "HMAC", "empty", "unknown"],
)
def test_verifying_key_of_another_purpose_or_kid_is_not_found(kid, purpose, engine, keyring, now):
    keyring.load(engine, _MASTER)

    assert keyring.find_verifying_key(kid, purpose, now) is None


def test_retired_key_verifies_until_its_end(add, engine, keyring, now):
    add(_EC, signs_until=now - 10, verify_until=now + 10)
    keyring.load(engine, _MASTER)

    assert keyring.find_verifying_key(_EC.kid, KeyPurpose.TOKEN, now + 9) is not None
    assert keyring.find_verifying_key(_EC.kid, KeyPurpose.TOKEN, now + 10) is None


def test_compromised_key_verifies_nothing(add, engine, keyring, now):
    add(_EC)
    keyring.load(engine, _MASTER)
    _change(engine, _EC.kid, compromised_at=now)

    keyring.reload(engine)

    assert keyring.find_verifying_key(_EC.kid, KeyPurpose.TOKEN, now) is None


# loading


@pytest.mark.usefixtures("first_keys")
def test_reload_keeps_the_objects_of_known_keys(engine, keyring, now, add):
    keyring.load(engine, _MASTER)
    signer = keyring.signer(KeyPurpose.TOKEN, "RS256", now)
    verifying = keyring.find_verifying_key(_RSA.kid, KeyPurpose.TOKEN, now)
    _change(engine, _EC.kid, signs_until=now + 5)
    add(_NEXT_EC, signs_from=now + 5)

    keyring.reload(engine)

    assert keyring.signer(KeyPurpose.TOKEN, "RS256", now) is signer
    assert keyring.find_verifying_key(_RSA.kid, KeyPurpose.TOKEN, now) is verifying
    assert keyring.signer(KeyPurpose.TOKEN, "ES256", now + 5).kid == _NEXT_EC.kid


@pytest.mark.usefixtures("first_keys")
def test_reload_opens_only_keys_that_are_new(engine, keyring, add, now, monkeypatch):
    keyring.load(engine, _MASTER)
    opened = []
    open_key = sealing.open_key
    monkeypatch.setattr(
        sealing, "open_key", lambda stored, masters: (opened.append(stored.kid), open_key(stored, masters))[1]
    )
    _change(engine, _EC.kid, signs_until=now + 5)
    add(_NEXT_EC, signs_from=now + 5)

    keyring.reload(engine)

    assert opened == [_NEXT_EC.kid]


@pytest.mark.usefixtures("first_keys")
def test_nothing_on_the_token_path_asks_the_database(engine, keyring, now):
    keyring.load(engine, _MASTER)
    asked = []
    event.listen(engine, "before_cursor_execute", lambda *_arguments: asked.append(1))

    keyring.signer(KeyPurpose.TOKEN, "RS256", now)
    keyring.list_published(now)
    keyring.find_verifying_key("unknown", KeyPurpose.TOKEN, now)

    assert asked == []


@pytest.mark.usefixtures("first_keys")
def test_wrong_master_key_loads_nothing(engine, keyring, now):
    with pytest.raises(WrongMasterKey):
        keyring.load(engine, (b"o" * 32,))

    assert keyring.list_published(now) == []


@pytest.mark.usefixtures("first_keys")
def test_reload_that_fails_leaves_the_keys_as_they_were(engine, keyring, now, add):
    keyring.load(engine, _MASTER)
    before = keyring.list_published(now)
    _change(engine, _EC.kid, signs_until=now + 5)
    add(_NEXT_EC, signs_from=now + 5)
    _change(engine, _NEXT_EC.kid, sealed=b"\x00" * 60)

    with pytest.raises(WrongMasterKey):
        keyring.reload(engine)

    assert keyring.list_published(now) == before
    assert keyring.signer(KeyPurpose.TOKEN, "ES256", now).kid == _EC.kid


@pytest.mark.usefixtures("first_keys")
def test_swapped_sealed_bytes_are_noticed_at_loading(engine, keyring, add, now):
    stored = add(_NEXT_EC, signs_from=now + 5, signs_until=now + 6)
    _change(engine, _EC.kid, sealed=stored.sealed)

    with pytest.raises(WrongMasterKey):
        keyring.load(engine, _MASTER)


@pytest.mark.usefixtures("first_keys")
def test_known_key_under_another_purpose_is_not_taken_over(engine, keyring):
    keyring.load(engine, _MASTER)
    _change(engine, _HMAC.kid, purpose="token")

    with pytest.raises(WrongMasterKey):
        keyring.reload(engine)


def test_removed_and_compromised_keys_need_not_open(add, engine, keyring, now):
    add(_OLD_EC, signs_until=now - 10, verify_until=now)
    add(_EC, compromised_at=now)
    _change(engine, _OLD_EC.kid, sealed=b"")
    _change(engine, _EC.kid, sealed=b"")

    keyring.load(engine, _MASTER)

    assert keyring.list_published(now) == []


@pytest.mark.usefixtures("first_keys")
def test_readers_see_whole_sets_while_keys_are_reloaded(engine, keyring, now):
    """Before and after a reload both algorithms have a key, so no reader may ever miss one."""
    keyring.load(engine, _MASTER)
    missed, is_over = [], threading.Event()

    def read() -> None:
        while not is_over.is_set():
            if len(keyring.list_published(now)) != 2:
                missed.append("published")

    readers = [threading.Thread(target=read) for _ in range(2)]
    [reader.start() for reader in readers]
    [keyring.reload(engine) for _ in range(10)]
    is_over.set()
    [reader.join() for reader in readers]

    assert missed == []


@pytest.mark.usefixtures("first_keys")
def test_repr_of_what_is_kept_holds_no_key(engine, keyring):
    keyring.load(engine, _MASTER)

    shown = repr(keyring) + repr(keyring._set)

    for key in (_RSA, _EC, _HMAC):
        assert repr(keys.export_private(key)) not in shown
    assert "sealed" not in shown
    assert repr(_MASTER[0]) not in shown
