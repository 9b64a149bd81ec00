"""Sealed keys: what opens them, what does not, and what the sealed bytes tell."""

import pytest

from issuer.entropy import Entropy
from issuer.errors import InvalidSettings, WrongMasterKey
from issuer.jose import keys, sealing
from issuer.model.signing_key import KeyPurpose, StoredKey

_MASTER = b"m" * 32
_OTHER = b"o" * 32
_TOKEN = sealing.bind("kid", KeyPurpose.TOKEN)


def _stored(key, purpose, sealed_under, sealed):
    return StoredKey(
        kid=key.kid,
        purpose=purpose,
        alg=key.alg,
        public_jwk=None,
        sealed=sealed,
        master_key_id=sealed_under,
        created_at=0,
        published_at=0,
        signs_from=0,
        signs_until=None,
        verify_until=None,
        compromised_at=None,
        longest_lifetime_seconds=0,
    )


def test_sealed_bytes_open_again(entropy):
    sealed_under, sealed = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)

    assert sealing.open_sealed(sealed, _TOKEN, (_MASTER,), sealed_under) == b"secret"


def test_what_is_sealed_does_not_show(entropy):
    _, sealed = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)

    assert b"secret" not in sealed
    assert len(sealed) == 12 + len(b"secret") + 16


def test_each_sealing_has_its_own_nonce(entropy):
    _, one = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)
    _, other = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)

    assert one[:12] != other[:12]
    assert one[12:] != other[12:]


def test_sealed_bytes_are_bound_to_kid_and_purpose():
    assert _TOKEN == b"issuer-key|v1|kid|token"


@pytest.mark.parametrize(
    "associated",
    [
        sealing.bind("kid", KeyPurpose.REFRESH),
        sealing.bind("other-kid", KeyPurpose.TOKEN),
        b"",
    ],
)
def test_other_kid_or_purpose_does_not_open(associated, entropy):
    sealed_under, sealed = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)

    with pytest.raises(WrongMasterKey):
        sealing.open_sealed(sealed, associated, (_MASTER,), sealed_under)


def test_wrong_master_key_does_not_open(entropy):
    sealed_under, sealed = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)

    with pytest.raises(WrongMasterKey) as refusal:
        sealing.open_sealed(sealed, _TOKEN, (_OTHER,), sealed_under)
    assert refusal.value.detail.startswith("ISSUER_MASTER_KEY does not open")


def test_first_master_key_seals_and_all_open(entropy):
    sealed_under, sealed = sealing.seal(b"secret", _TOKEN, (_MASTER, _OTHER), entropy)

    assert sealed_under == sealing.master_key_id(_MASTER)
    assert sealing.open_sealed(sealed, _TOKEN, (_OTHER, _MASTER), sealed_under) == b"secret"


def test_unknown_master_key_id_still_opens(entropy):
    _, sealed = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)

    assert sealing.open_sealed(sealed, _TOKEN, (_OTHER, _MASTER), "unknown") == b"secret"


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 12, 27, 33])
def test_cut_off_bytes_do_not_open(kept, entropy):
    sealed_under, sealed = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)

    with pytest.raises(WrongMasterKey):
        sealing.open_sealed(sealed[:kept], _TOKEN, (_MASTER,), sealed_under)


@pytest.mark.parametrize("place", [0, 11, 12, 17, 18, 33])
def test_altered_bytes_do_not_open(place, entropy):
    sealed_under, sealed = sealing.seal(b"secret", _TOKEN, (_MASTER,), entropy)
    altered = bytearray(sealed)
    altered[place] ^= 1

    with pytest.raises(WrongMasterKey):
        sealing.open_sealed(bytes(altered), _TOKEN, (_MASTER,), sealed_under)


@pytest.mark.parametrize("master_keys", [(), (b"",), (b"short",), (_MASTER, b"x" * 16)])
def test_unfit_master_keys_are_refused(master_keys, entropy):
    with pytest.raises(InvalidSettings):
        sealing.seal(b"secret", _TOKEN, master_keys, entropy)


@pytest.mark.parametrize("master_keys", [(), (b"x" * 24,)])
def test_unfit_master_keys_are_refused_at_opening(master_keys):
    with pytest.raises(InvalidSettings):
        sealing.open_sealed(b"x" * 40, _TOKEN, master_keys, "")


def test_master_key_id_is_the_same_each_time_and_differs_by_key():
    assert sealing.master_key_id(_MASTER) == sealing.master_key_id(bytes(_MASTER))
    assert sealing.master_key_id(_MASTER) != sealing.master_key_id(_OTHER)
    assert len(sealing.master_key_id(_MASTER)) == 12


@pytest.mark.parametrize("alg", ["ES256", "HS256"])
def test_key_opens_as_the_key_that_was_sealed(alg):
    key = keys.make_signing_key(alg, Entropy())
    sealed_under, sealed = sealing.seal_key(key, KeyPurpose.TOKEN, (_MASTER,), Entropy())

    opened = sealing.open_key(_stored(key, KeyPurpose.TOKEN, sealed_under, sealed), (_MASTER,))

    assert keys.export_private(opened) == keys.export_private(key)
    assert opened.kid == key.kid


def test_sealed_bytes_of_another_row_do_not_open():
    one, other = (keys.make_signing_key("ES256", Entropy()) for _ in range(2))
    sealed_under, sealed = sealing.seal_key(other, KeyPurpose.TOKEN, (_MASTER,), Entropy())

    with pytest.raises(WrongMasterKey):
        sealing.open_key(_stored(one, KeyPurpose.TOKEN, sealed_under, sealed), (_MASTER,))


def test_key_of_one_purpose_does_not_open_for_another():
    key = keys.make_signing_key("HS256", Entropy())
    sealed_under, sealed = sealing.seal_key(key, KeyPurpose.REFRESH, (_MASTER,), Entropy())

    with pytest.raises(WrongMasterKey):
        sealing.open_key(_stored(key, KeyPurpose.TOKEN, sealed_under, sealed), (_MASTER,))
