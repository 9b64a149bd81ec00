"""Access tokens that come back to us: what one says, once it is known to be ours (RFC 9068 §4)."""

from collections.abc import Mapping
from typing import Any

from issuer.errors import TokenRejected
from issuer.issuing.keyring import Keyring
from issuer.jose import signing, unverified
from issuer.model.audience import RESERVED_REFRESH, AudienceId, TokenTyp
from issuer.model.signing_key import TOKEN_ALGS, KeyPurpose

_ALGS = frozenset(TOKEN_ALGS)
_TEXTS = ("sub", "client_id", "jti")
_NUMBERS = ("exp", "iat")
_OPTIONAL_TEXTS = ("scope", "family", "tenant_id")

AccessClaims = Mapping[str, Any]  # Any: values of any JSON type, signed by us


def read(token: str, issuer_url: str, keyring: Keyring, now: int) -> AccessClaims:
    """Return the claims of an access token of ours; raises TokenRejected for anything else.

    Checks size, typ, key and its state, algorithm, signature, iss, the claims that every access token
    has, which an ID token of typ `JWT` has not, and that it is not addressed to the token endpoint.
    Does not check for whom else it is, whether it has expired, or any revocation.
    """
    claims = _verify(token, keyring, now)
    if claims.get("iss") != issuer_url:
        raise TokenRejected("iss of another issuer")
    if not _has_shape(claims):
        raise TokenRejected("a claim is missing that every access token of ours has")
    if RESERVED_REFRESH in list_aud(claims):
        raise TokenRejected("addressed to the token endpoint")
    return claims


def find_owner(token: str, keyring: Keyring) -> AudienceId | None:
    """Return the audience for which alone the key signs that a token names; None if it signs for all."""
    kid = (unverified.read(token).header or {}).get("kid")
    return keyring.find_owner(kid) if isinstance(kid, str) else None


def list_aud(claims: AccessClaims) -> tuple[str, ...]:
    """Return `aud` as a tuple, whether it is a string or an array."""
    aud = claims["aud"]
    return tuple(aud) if isinstance(aud, list) else (aud,)


def _has_shape(claims: AccessClaims) -> bool:
    return (
        all(isinstance(claims.get(name), str) for name in _TEXTS)
        and all(type(claims.get(name)) is int for name in _NUMBERS)
        and all(isinstance(claims.get(name, ""), str) for name in _OPTIONAL_TEXTS)
        and "aud" in claims
        and all(isinstance(name, str) for name in list_aud(claims))
    )


def _verify(token: str, keyring: Keyring, now: int) -> AccessClaims:
    refused = TokenRejected("typ of no access token")
    for typ in TokenTyp:
        try:
            return signing.verify_compact(
                token,
                find_key=lambda kid: keyring.find_verifying_key(kid, KeyPurpose.TOKEN, now),
                algs=_ALGS,
                typ=typ.value,
            ).claims
        except TokenRejected as error:
            refused = error
    raise refused
