"""Signing keys as objects: made once, named by `kid`, and the public JWK that services fetch."""

from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from joserfc.jwk import ECKey, OctKey, RSAKey

from issuer.entropy import Entropy
from issuer.errors import ServerError, UnusableKey

Material = RSAKey | ECKey | OctKey

_RSA_BITS = 2048
_CURVE = "P-256"
_HMAC_BYTES = 32
_PUBLIC_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """A key that signs and verifies, ready-made: nothing is parsed per token.

    alg: RS256, ES256 or HS256 (RFC 7518 §3.1), the only one the key is ever used with.
    material: the library's key object; never printed. Two keys are equal only if they are one object.
    """

    kid: str
    alg: str
    material: Material = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class VerifyingKey:
    """A key that only verifies. material: the public half, or an HMAC key, which has no halves."""

    kid: str
    alg: str
    material: Material = field(repr=False)


def make_signing_key(alg: str, entropy: Entropy) -> SigningKey:
    """Return a new key: RSA of 2048 bits, P-256, or 256 random bits for HMAC.

    The kid is the RFC 7638 thumbprint of an asymmetric key; an HMAC key's thumbprint would let a guess at
    the key be checked, so its kid is random. Asymmetric keys draw on the cryptography library's generator,
    not on `entropy`. An RSA key takes some 100 ms. Raises UnusableKey for another algorithm.
    """
    material = _make_material(alg, entropy)
    kid = entropy.identifier() if isinstance(material, OctKey) else material.thumbprint()
    return SigningKey(kid=kid, alg=alg, material=material)


def make_verifying_key(key: SigningKey) -> VerifyingKey:
    """Return the half of a key that can sign nothing; of an HMAC key the whole."""
    return VerifyingKey(kid=key.kid, alg=key.alg, material=_public_half(key.material))


def export_private(key: SigningKey) -> bytes:
    """Return the private key, for sealing only: PKCS 8 in DER, or the 32 bytes of an HMAC key."""
    if isinstance(key.material, OctKey):
        return key.material.raw_value
    return key.material.as_der(private=True)


def import_private(alg: str, kid: str, exported: bytes) -> SigningKey:
    """Return the key that `export_private` exported.

    Raises UnusableKey if the bytes are no private key of this algorithm, or if an asymmetric key's
    thumbprint is not `kid`.
    """
    try:
        material = _load_material(alg, exported)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey(f"The signing key {kid} is damaged.") from error
    if not isinstance(material, OctKey) and material.thumbprint() != kid:
        raise UnusableKey(f"The signing key {kid} is not the key that its row names.")
    return SigningKey(kid=kid, alg=alg, material=material)


def public_jwk(key: SigningKey) -> dict[str, str]:
    """Return the public JWK: kid, use, alg, kty and the public members, nothing else (RFC 7517 §4).

    Members are picked by name, so that no later version of the library can add a private one.
    Raises ServerError for an HMAC key: it has no public half and is never published.
    """
    if isinstance(key.material, OctKey):
        raise ServerError("An HMAC key has no public half.")
    members = key.material.as_dict(private=False)
    kty = key.material.key_type
    public = {name: str(members[name]) for name in _PUBLIC_MEMBERS[kty]}
    return {"kid": key.kid, "use": "sig", "alg": key.alg, "kty": kty, **public}


def _make_material(alg: str, entropy: Entropy) -> Material:
    match alg:
        case "RS256":
            return RSAKey.generate_key(_RSA_BITS)
        case "ES256":
            return ECKey.generate_key(_CURVE)
        case "HS256":
            return OctKey.import_key(entropy.draw(_HMAC_BYTES))
        case _:
            raise UnusableKey(f"There are no signing keys for {alg}.")


def _load_material(alg: str, exported: bytes) -> Material:
    if alg == "HS256" and len(exported) == _HMAC_BYTES:
        return OctKey.import_key(exported)
    native = load_der_private_key(exported, password=None)
    if alg == "RS256" and isinstance(native, RSAPrivateKey):
        return RSAKey.import_key(native)
    if alg == "ES256" and isinstance(native, EllipticCurvePrivateKey) and isinstance(native.curve, SECP256R1):
        return ECKey.import_key(native)
    raise UnusableKey(f"A key of another kind is stored for {alg}.")


def _public_half(material: Material) -> Material:
    if isinstance(material, RSAKey):
        return RSAKey.import_key(material.public_key)
    if isinstance(material, ECKey):
        return ECKey.import_key(material.public_key)
    return material
