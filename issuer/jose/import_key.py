"""Import: a private key that was made elsewhere, as PEM or as a JWK, taken only where it is fit to sign.

Refusals say what is wrong in constant words; nothing of the text stands in them or in what caused them.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePrivateNumbers,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPrivateNumbers, RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc.jwk import ECKey, RSAKey

from issuer.errors import InvalidValue, TokenRejected
from issuer.jose import strict_json
from issuer.jose.keys import SigningKey

LARGEST_BYTES: Final = 65_536
SMALLEST_RSA_BITS: Final = 2048
# Twice the size takes seven times as long to sign with, for every token.
LARGEST_RSA_BITS: Final = 4096

# Smaller ones have been the way in again and again; some verifiers take none of 32 bits or more.
_SMALLEST_EXPONENT = 65_537
_LARGEST_EXPONENT = 2**31 - 1
_LABEL = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----")
_PRIVATE_LABELS = {b"PRIVATE KEY", b"RSA PRIVATE KEY", b"EC PRIVATE KEY"}
# What `openssl ecparam -genkey` writes before the key.
_PARAMETERS_LABEL = b"EC PARAMETERS"
# id-RSASSA-PSS in DER. The library takes such a key for one of any use; what a key is for stands in the
# first few bytes, behind two lengths and a version.
_PSS_OID = bytes.fromhex("06092a864886f70d01010a")
_ALGORITHM_CHARACTERS = 40
_CRT_MEMBERS = ("p", "q", "dp", "dq", "qi")
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
_DAMAGED = "The key is damaged, or its parts do not belong together."
_SEVERAL = "This holds more than one key. Give one alone."
_KINDS = "Only RSA keys and keys on the curve P-256 sign tokens here."
_PUBLIC = "This is a public key only. What signs is the private one."


def import_key(text: bytes) -> SigningKey:
    """Return the private key that a text holds: RSA for RS256, P-256 for ES256.

    text: PEM (PKCS 8, PKCS 1 or SEC 1, not encrypted) or one JWK. The kid is the thumbprint (RFC 7638),
    whatever a JWK calls itself. Raises InvalidValue for all else: a public key, an HMAC key, an encrypted
    one, another curve, RSA of less than 2048 or more than 4096 bits or with an odd choice of exponent.
    """
    if len(text) > LARGEST_BYTES:
        raise InvalidValue(f"A key is at most {LARGEST_BYTES} bytes of text.")
    is_jwk = text.lstrip().startswith((b"{", b"["))
    native = _read_jwk(text.strip()) if is_jwk else _read_pem(text)
    if isinstance(native, RSAPrivateKey):
        _check_rsa(native.public_key().public_numbers())
        return _name("RS256", RSAKey.import_key(native))
    if isinstance(native, EllipticCurvePrivateKey) and isinstance(native.curve, SECP256R1):
        return _name("ES256", ECKey.import_key(native))
    raise InvalidValue(_KINDS)


def _name(alg: str, material: RSAKey | ECKey) -> SigningKey:
    return SigningKey(kid=material.thumbprint(), alg=alg, material=material)


def _check_rsa(numbers: RSAPublicNumbers) -> None:
    if not SMALLEST_RSA_BITS <= numbers.n.bit_length() <= LARGEST_RSA_BITS:
        raise InvalidValue(f"An RSA key has from {SMALLEST_RSA_BITS} to {LARGEST_RSA_BITS} bits here.")
    if not _SMALLEST_EXPONENT <= numbers.e <= _LARGEST_EXPONENT:
        raise InvalidValue(f"An RSA key has a public exponent of {_SMALLEST_EXPONENT}, or a little more.")


def _read_pem(text: bytes) -> PrivateKeyTypes:
    labels = [label for label in _LABEL.findall(text) if label != _PARAMETERS_LABEL]
    if not labels:
        raise InvalidValue("This is neither PEM nor a JWK.")
    if len(labels) > 1:
        raise InvalidValue(_SEVERAL)
    (label,) = labels
    if label == b"ENCRYPTED PRIVATE KEY" or b"Proc-Type:" in text:
        raise InvalidValue("This key is encrypted. Decrypt it first, for example with `openssl pkey`.")
    if label == b"CERTIFICATE" or label.endswith(b"PUBLIC KEY"):
        raise InvalidValue(_PUBLIC)
    if label not in _PRIVATE_LABELS:
        raise InvalidValue("PEM is taken as PKCS 8, PKCS 1 or SEC 1 only.")
    try:
        key, is_for_pss = load_pem_private_key(text, password=None), _is_for_pss(text)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        refusal = InvalidValue(_DAMAGED)
    else:
        if not is_for_pss:
            return key
        refusal = InvalidValue("This key is for RSASSA-PSS only; RS256 is another algorithm.")
    # Outside the handler: what the library says of the text need not go where ours does.
    raise refusal


def _is_for_pss(text: bytes) -> bool:
    """Return whether PEM that was loaded says of its key that it signs with PSS alone (RFC 4055 §1.2)."""
    body = b"".join(text[text.index(b"-----BEGIN") :].split(b"-----")[2].split())
    return _PSS_OID in base64.b64decode(body[:_ALGORITHM_CHARACTERS])


def _read_jwk(text: bytes) -> PrivateKeyTypes:
    jwk = _parse(text)
    if "keys" in jwk:
        raise InvalidValue(_SEVERAL)
    kty = jwk.get("kty")
    if kty == "oct":
        raise InvalidValue("An HMAC key cannot be published, so no service could verify with it.")
    if kty not in ("RSA", "EC") or (kty == "EC" and jwk.get("crv") != "P-256"):
        raise InvalidValue(_KINDS)
    if "d" not in jwk:
        raise InvalidValue(_PUBLIC)
    _check_intent(jwk, "RS256" if kty == "RSA" else "ES256")
    try:
        return _load_rsa(jwk) if kty == "RSA" else _load_ec(jwk)
    except ValueError:
        refusal = InvalidValue(_DAMAGED)
    # Outside the handler: the error may hold members.
    raise refusal


def _parse(text: bytes) -> Mapping[str, Any]:  # Any: members of any JSON type
    if text.startswith(b"["):
        raise InvalidValue(_SEVERAL)
    try:
        return strict_json.parse_object(text)
    except TokenRejected:
        refusal = InvalidValue("This is no JWK: not one JSON object with each member once.")
    # Outside the handler: a parser's error holds what was read.
    raise refusal


def _check_intent(jwk: Mapping[str, Any], alg: str) -> None:  # Any: members of any JSON type
    """Refuse a key that was not made to sign, or for another algorithm (RFC 7517 §4.2 to §4.4)."""
    operations = jwk.get("key_ops", ["sign"])
    if jwk.get("use", "sig") != "sig" or not isinstance(operations, list) or "sign" not in operations:
        raise InvalidValue("This JWK says of itself that it is not for signing.")
    if jwk.get("alg", alg) != alg:
        raise InvalidValue(f"This JWK says of itself that it is for another algorithm than {alg}.")


def _load_rsa(jwk: Mapping[str, Any]) -> RSAPrivateKey:  # Any: members of any JSON type
    present = jwk.keys() & set(_CRT_MEMBERS)
    if "oth" in jwk or 0 < len(present) < len(_CRT_MEMBERS):
        raise InvalidValue("An RSA key has two primes here, and a JWK of it all of p, q, dp, dq, qi or none.")
    public = RSAPublicNumbers(_number(jwk, "e"), _number(jwk, "n"))
    # Before anything is reckoned with numbers of any size.
    _check_rsa(public)
    d = _number(jwk, "d")
    if present:
        p, q, dp, dq, qi = (_number(jwk, name) for name in _CRT_MEMBERS)
    else:
        p, q = rsa.rsa_recover_prime_factors(public.n, public.e, d)
        dp, dq, qi = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
    return RSAPrivateNumbers(p, q, d, dp, dq, qi, public).private_key()


def _load_ec(jwk: Mapping[str, Any]) -> EllipticCurvePrivateKey:  # Any: members of any JSON type
    public = EllipticCurvePublicNumbers(_number(jwk, "x"), _number(jwk, "y"), SECP256R1())
    return EllipticCurvePrivateNumbers(_number(jwk, "d"), public).private_key()


def _number(jwk: Mapping[str, Any], name: str) -> int:  # Any: members of any JSON type
    """Return a member as a number (RFC 7518 §2); raises ValueError."""
    value = jwk.get(name)
    if not isinstance(value, str) or not _BASE64URL.fullmatch(value):
        raise ValueError
    return int.from_bytes(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), "big")
