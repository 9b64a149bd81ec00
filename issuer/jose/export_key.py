"""Export: the public half of a stored key, for whoever wants it by hand."""

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from issuer.errors import InvalidValue, UnusableKey
from issuer.model.signing_key import StoredKey


def export_public(stored: StoredKey) -> str:
    """Return the public half of a key as PEM (SubjectPublicKeyInfo), with no private key at hand.

    The stored half is believed because its thumbprint is the kid, else UnusableKey is raised. Raises
    InvalidValue for an HMAC key, which has no public half.
    """
    if stored.public_jwk is None:
        raise InvalidValue("A key of refresh tokens has no public half: only this issuer verifies them.")
    members = dict(stored.public_jwk)
    kind = RSAKey if members.get("kty") == "RSA" else ECKey
    try:
        key = kind.import_key({**members})
        is_named_so = key.thumbprint() == stored.kid
    except (ValueError, TypeError, JoseError) as error:
        raise UnusableKey(f"The signing key {stored.kid} is damaged.") from error
    if not is_named_so:
        raise UnusableKey(f"The signing key {stored.kid} is not the key that its row names.")
    native = key.public_key
    return native.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")
