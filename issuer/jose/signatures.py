"""Signatures over bytes, with all that does not change from token to token prepared once.

The library's own wrapper looks the key up and makes padding and hash objects for each signature: a
sixth of an ES256 token. Verifying with public keys stays the library's: it is not on the token path.
"""

import hashlib
import hmac
from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc.jwk import ECKey, OctKey, RSAKey
from joserfc.jws import JWSRegistry

from issuer.errors import UnusableKey
from issuer.jose.keys import SigningKey, VerifyingKey

Sign = Callable[[bytes], bytes]

_REGISTRY = JWSRegistry(algorithms=("RS256", "ES256", "HS256"))
_COORDINATE_BYTES = 32


def make_sign(key: SigningKey) -> Sign:
    """Return the function that signs with a key by its one algorithm (RFC 7518 §3.2 to §3.4).

    Raises UnusableKey if algorithm and kind of key do not belong together.
    """
    match key.alg, key.material:
        case "RS256", RSAKey() as material:
            return _rs256(material)
        case "ES256", ECKey() as material:
            return _es256(material)
        case "HS256", OctKey() as material:
            return _hs256(material)
        case _:
            raise UnusableKey(f"the key {key.kid} is no key for {key.alg}")


def is_right(key: SigningKey | VerifyingKey, message: bytes, signature: bytes) -> bool:
    """Return whether a signature is a key's over a message, by the key's one algorithm."""
    if key.alg == "HS256" and isinstance(key.material, OctKey):
        return hmac.compare_digest(_hs256(key.material)(message), signature)
    return _REGISTRY.get_alg(key.alg).verify(message, signature, key.material)


def _rs256(material: RSAKey) -> Sign:
    private, padding, digest = material.private_key, PKCS1v15(), SHA256()
    if private is None:
        raise UnusableKey("the key has no private part")
    return lambda message: private.sign(message, padding, digest)


def _es256(material: ECKey) -> Sign:
    private, algorithm = material.private_key, ECDSA(SHA256())
    if private is None or material.curve_name != "P-256":
        raise UnusableKey("the key has no private part or is not on P-256")

    def sign(message: bytes) -> bytes:
        # JWS wants r and s side by side, 32 bytes each (RFC 7518 §3.4), not the DER of X.509.
        r, s = decode_dss_signature(private.sign(message, algorithm))
        return r.to_bytes(_COORDINATE_BYTES, "big") + s.to_bytes(_COORDINATE_BYTES, "big")

    return sign


def _hs256(material: OctKey) -> Sign:
    secret = material.raw_value
    if not secret:
        raise UnusableKey("the key is empty")
    return lambda message: hmac.digest(secret, message, hashlib.sha256)
