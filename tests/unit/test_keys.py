"""Signing keys: how they are made, named, exported and published."""

import base64
import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc.jwk import ECKey, OctKey, RSAKey

from issuer.entropy import Entropy
from issuer.errors import ServerError, UnusableKey
from issuer.jose import keys
from issuer.jose.keys import SigningKey

_PRIVATE_MEMBERS = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@pytest.fixture(scope="module")
def rsa_key() -> SigningKey:
    return keys.make_signing_key("RS256", Entropy())


@pytest.fixture(scope="module")
def ec_key() -> SigningKey:
    return keys.make_signing_key("ES256", Entropy())


@pytest.fixture(scope="module")
def hmac_key() -> SigningKey:
    return keys.make_signing_key("HS256", Entropy())


@pytest.fixture(params=["rsa_key", "ec_key", "hmac_key"])
def any_key(request: pytest.FixtureRequest) -> SigningKey:
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["rsa_key", "ec_key"])
def published_key(request: pytest.FixtureRequest) -> SigningKey:
    return request.getfixturevalue(request.param)


def _thumbprint(jwk: dict[str, str], members: list[str]) -> str:
    text = json.dumps({name: jwk[name] for name in sorted(members)}, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_rsa_key_has_2048_bits(rsa_key):
    assert isinstance(rsa_key.material, RSAKey)
    assert rsa_key.material.raw_value.key_size == 2048


def test_ec_key_is_on_p256(ec_key):
    assert isinstance(ec_key.material, ECKey)
    assert ec_key.material.curve_name == "P-256"


def test_hmac_key_is_32_drawn_bytes(entropy):
    key = keys.make_signing_key("HS256", entropy)

    assert isinstance(key.material, OctKey)
    assert key.material.raw_value == (1).to_bytes(32, "big")


def test_rsa_kid_is_the_thumbprint(rsa_key):
    """RFC 7638 §3.2: the required members e, kty and n."""
    jwk = keys.public_jwk(rsa_key)

    assert rsa_key.kid == _thumbprint(jwk, ["e", "kty", "n"])


def test_ec_kid_is_the_thumbprint(ec_key):
    """RFC 7638 §3.2: the required members crv, kty, x and y."""
    jwk = keys.public_jwk(ec_key)

    assert ec_key.kid == _thumbprint(jwk, ["crv", "kty", "x", "y"])


def test_hmac_kid_is_drawn_and_tells_nothing_of_the_key(entropy):
    key = keys.make_signing_key("HS256", entropy)

    assert key.kid == base64.urlsafe_b64encode((2).to_bytes(16, "big")).rstrip(b"=").decode()
    assert key.kid != key.material.thumbprint()


@pytest.mark.parametrize("alg", ["none", "None", "HS512", "PS256", "EdDSA", "", "rs256"])
def test_other_algorithms_have_no_keys(alg, entropy):
    with pytest.raises(UnusableKey):
        keys.make_signing_key(alg, entropy)


def test_public_jwk_of_rsa_has_exactly_the_public_members(rsa_key):
    jwk = keys.public_jwk(rsa_key)

    assert set(jwk) == {"kid", "use", "alg", "kty", "n", "e"}
    assert (jwk["kid"], jwk["use"], jwk["alg"], jwk["kty"]) == (rsa_key.kid, "sig", "RS256", "RSA")


def test_public_jwk_of_ec_has_exactly_the_public_members(ec_key):
    jwk = keys.public_jwk(ec_key)

    assert set(jwk) == {"kid", "use", "alg", "kty", "crv", "x", "y"}
    assert (jwk["kid"], jwk["use"], jwk["alg"], jwk["kty"]) == (ec_key.kid, "sig", "ES256", "EC")
    assert jwk["crv"] == "P-256"


def test_public_jwk_has_no_private_member_even_after_the_private_ones_were_exported(published_key):
    published_key.material.as_dict(private=True)

    assert not _PRIVATE_MEMBERS & set(keys.public_jwk(published_key))


def test_hmac_key_is_never_published(hmac_key):
    with pytest.raises(ServerError):
        keys.public_jwk(hmac_key)


def test_repr_tells_kid_and_alg_only(any_key):
    assert repr(any_key) == f"SigningKey(kid={any_key.kid!r}, alg={any_key.alg!r})"


def test_verifying_key_of_a_published_key_cannot_sign(published_key):
    verifying = keys.make_verifying_key(published_key)

    assert not verifying.material.is_private
    assert (verifying.kid, verifying.alg) == (published_key.kid, published_key.alg)


def test_exported_key_imports_as_the_same_key(any_key):
    exported = keys.export_private(any_key)

    imported = keys.import_private(any_key.alg, any_key.kid, exported)

    assert keys.export_private(imported) == exported
    assert (imported.kid, imported.alg) == (any_key.kid, any_key.alg)


def test_export_is_no_pem_and_no_jwk(published_key):
    exported = keys.export_private(published_key)

    assert b"BEGIN" not in exported
    assert b'"d"' not in exported


def test_import_under_another_kid_is_refused(published_key):
    exported = keys.export_private(published_key)

    with pytest.raises(UnusableKey):
        keys.import_private(published_key.alg, "another-kid", exported)


@pytest.mark.parametrize(
    ("source", "alg"),
    [
        ("rsa_key", "ES256"),
        ("rsa_key", "HS256"),
        ("ec_key", "RS256"),
        ("ec_key", "HS256"),
        ("hmac_key", "RS256"),
        ("hmac_key", "ES256"),
        ("rsa_key", "none"),
        ("hmac_key", "HS512"),
    ],
)
def test_import_as_another_algorithm_is_refused(source, alg, request):
    key = request.getfixturevalue(source)

    with pytest.raises(UnusableKey):
        keys.import_private(alg, key.kid, keys.export_private(key))


def test_import_of_another_curve_is_refused():
    other_curve = ECKey.import_key(ec.generate_private_key(ec.SECP384R1()))

    with pytest.raises(UnusableKey):
        keys.import_private("ES256", other_curve.thumbprint(), other_curve.as_der(private=True))


@pytest.mark.parametrize("alg", ["RS256", "ES256", "HS256"])
@pytest.mark.parametrize("exported", [b"", b"\x30", b"short", b"x" * 33])
def test_import_of_damaged_bytes_is_refused(alg, exported):
    with pytest.raises(UnusableKey):
        keys.import_private(alg, "kid", exported)


def test_import_of_a_public_key_is_refused(published_key):
    public = published_key.material.as_der(private=False)

    with pytest.raises(UnusableKey):
        keys.import_private(published_key.alg, published_key.kid, public)
