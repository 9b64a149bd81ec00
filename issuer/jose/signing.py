"""Claims to compact JWS and back (RFC 7515 §3.1), with the algorithm pinned by the key.

The signature itself is the library's. Its `jwt.encode` is not used: it looks the algorithm up, checks
the header and encodes it anew for each token, which costs a quarter of an ES256 token.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from issuer.errors import TokenRejected
from issuer.jose import signatures, strict_json
from issuer.jose.keys import SigningKey, VerifyingKey

MAX_TOKEN_CHARACTERS = 16 * 1024

_HEADER_MEMBERS = {"alg", "typ", "kid"}
_TIME_CLAIMS = ("exp", "nbf", "iat", "auth_time")
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z

# Any JSON value as ASCII without white space; what JSON cannot say raises ValueError.
encode_json = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class VerifiedToken:
    """What a token says whose signature, header and shape were found to be right."""

    header: Mapping[str, str]
    claims: Mapping[str, Any]  # values of any JSON type


class Signer:
    """One key, ready to sign: what is the same in every token is prepared once. Safe for many threads."""

    __slots__ = ("_headers", "_sign", "alg", "kid")

    def __init__(self, key: SigningKey) -> None:
        self.kid = key.kid
        self.alg = key.alg
        self._sign = signatures.make_sign(key)
        self._headers: dict[str, bytes] = {}

    def sign(self, payload: bytes, typ: str) -> bytes:
        """Return the compact JWS over a payload; its header is exactly alg, typ and kid.

        typ: one of ours, never a word of a request: its encoded header is kept.
        """
        message = (self._headers.get(typ) or self._prepare(typ)) + _to_base64url(payload)
        return message + b"." + _to_base64url(self._sign(message))

    def _prepare(self, typ: str) -> bytes:
        header = encode_json({"alg": self.alg, "typ": typ, "kid": self.kid})
        self._headers[typ] = _to_base64url(header.encode("ascii")) + b"."
        return self._headers[typ]

    def __repr__(self) -> str:
        return f"Signer(kid={self.kid!r}, alg={self.alg!r})"


def sign_claims(claims: Mapping[str, Any], signer: Signer, typ: str) -> str:
    """Return the claims as a compact JWS, ASCII.

    claims: values of any JSON type, written in their order as they are; nothing is added or checked.
    typ: as `Signer.sign` says.
    """
    return sign_written(encode_json(claims), signer, typ)


def sign_written(claims: str, signer: Signer, typ: str) -> str:
    """Return as a compact JWS, ASCII, claims that are JSON already. claims: ASCII, signed as they stand."""
    return signer.sign(claims.encode("ascii"), typ).decode("ascii")


def verify_compact(
    token: str,
    *,
    find_key: Callable[[str], SigningKey | VerifyingKey | None],
    algs: frozenset[str],
    typ: str,
) -> VerifiedToken:
    """Return what one of our own tokens says; raises TokenRejected for all else, whatever the input.

    find_key: gives the key of a kid, None if there is none. algs: what is accepted here; the key's own
    algorithm must be the header's, too. typ: required and spelled exactly so. RFC 9068 §4 also knows
    `application/at+jwt`, and media types ignore case, but no other spelling ever bore our signature.
    The header must hold alg, typ and kid and nothing else, so `crit` (even empty), `b64`, `zip` and keys
    brought along (`jwk`, `jku`, `x5u`, `x5c`) end it before any of them means something (RFC 8725 §3.1).

    Does not check iss, aud, exp, nor any revocation: the caller does. Time claims that are present are
    whole seconds up to the year 9999. One token has several valid spellings (ES256 signatures have two):
    remember it by its jti, never by the string.
    """
    signed, header_segment, payload_segment, signature_segment = _split(token)
    header = _parse_header(header_segment)
    if header["typ"] != typ:
        raise TokenRejected("typ of another kind of token")
    key = find_key(header["kid"])
    if key is None:
        raise TokenRejected("unknown kid")
    if header["alg"] not in algs or header["alg"] != key.alg:
        raise TokenRejected("alg not accepted here or not the key's")
    signature = from_base64url(signature_segment)
    if not signatures.is_right(key, signed, signature):
        raise TokenRejected("wrong signature")
    return VerifiedToken(header=header, claims=_parse_claims(payload_segment))


def is_signed_by(token: str, key: SigningKey | VerifyingKey) -> bool:
    """Return whether the signature of a compact JWS is that of a key; looks at nothing else of it.

    Only for explaining a token: what decides is `verify_compact`. Raises TokenRejected for what does not
    have three parts, or a signature that is not base64url.
    """
    signed, _, _, signature_segment = _split(token)
    return signatures.is_right(key, signed, from_base64url(signature_segment))


def from_base64url(segment: str) -> bytes:
    """Return the bytes of a segment that has exactly one spelling: no padding, white space or spare bits.

    RFC 7515 §2. Raises TokenRejected for anything else.
    """
    try:
        octets = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except ValueError as error:
        raise TokenRejected("not base64url") from error
    if _to_base64url(octets) != segment.encode("ascii"):
        raise TokenRejected("not base64url in its one spelling")
    return octets


def _split(token: str) -> tuple[bytes, str, str, str]:
    # Counted before anything is split: a million dots must cost nothing (CVE-2025-30204).
    if len(token) > MAX_TOKEN_CHARACTERS or not token.isascii() or token.count(".") != 2:
        raise TokenRejected("not a compact JWS")
    signed, _, signature = token.rpartition(".")
    header, _, payload = signed.partition(".")
    return signed.encode("ascii"), header, payload, signature


# All tokens of one key and kind begin alike, and only what is a header of ours is kept.
@lru_cache(maxsize=64)
def _parse_header(segment: str) -> Mapping[str, str]:
    header = strict_json.parse_object(from_base64url(segment))
    if set(header) != _HEADER_MEMBERS or not all(isinstance(value, str) for value in header.values()):
        raise TokenRejected("header is not exactly alg, typ and kid")
    return MappingProxyType(header)


def _parse_claims(segment: str) -> dict[str, Any]:
    claims = strict_json.parse_object(from_base64url(segment))
    for name in _TIME_CLAIMS:
        value = claims.get(name, 0)
        # bool is an int to Python, and true would be the second 1.
        if type(value) is not int or not 0 <= value <= _LAST_SECOND:
            raise TokenRejected("a time claim is not whole seconds")
    return claims


def _to_base64url(octets: bytes) -> bytes:
    return base64.urlsafe_b64encode(octets).rstrip(b"=")
