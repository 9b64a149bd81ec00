"""Our signatures are the library's, byte for byte where the algorithm is deterministic."""

import pytest
from joserfc.jws import JWSRegistry

from issuer.entropy import Entropy
from issuer.errors import UnusableKey
from issuer.jose import keys, signatures

_MESSAGE = b"header.payload"
_LIBRARY = JWSRegistry(algorithms=["RS256", "ES256", "HS256"])
_KEYS = {alg: keys.make_signing_key(alg, Entropy()) for alg in ("RS256", "ES256", "HS256")}


@pytest.mark.parametrize("alg", _KEYS)
def test_library_verifies_what_is_signed(alg):
    key = _KEYS[alg]

    signature = signatures.make_sign(key)(_MESSAGE)

    assert _LIBRARY.get_alg(alg).verify(_MESSAGE, signature, key.material)
    assert not _LIBRARY.get_alg(alg).verify(_MESSAGE + b"x", signature, key.material)


@pytest.mark.parametrize("alg", ["RS256", "HS256"])
def test_deterministic_signature_is_the_library_s(alg):
    key = _KEYS[alg]

    signature = signatures.make_sign(key)(_MESSAGE)

    assert signature == _LIBRARY.get_alg(alg).sign(_MESSAGE, key.material)


def test_es256_signature_is_64_bytes_whatever_r_and_s_are():
    """RFC 7518 §3.4: each coordinate has 32 bytes, leading zeros included."""
    sign = signatures.make_sign(_KEYS["ES256"])

    lengths = {len(sign(bytes([number % 256, number // 256]))) for number in range(600)}

    assert lengths == {64}


@pytest.mark.parametrize(("alg", "other"), [("RS256", "ES256"), ("ES256", "HS256"), ("HS256", "RS256")])
def test_key_of_another_kind_does_not_sign(alg, other):
    mismatched = keys.SigningKey("kid", alg, _KEYS[other].material)

    with pytest.raises(UnusableKey):
        signatures.make_sign(mismatched)


def test_public_half_does_not_sign():
    public = keys.make_verifying_key(_KEYS["ES256"])

    with pytest.raises(UnusableKey):
        signatures.make_sign(keys.SigningKey("kid", "ES256", public.material))
