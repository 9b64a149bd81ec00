"""Access tokens that come back to us: what one says, once it is known to be ours (RFC 9068 §4)."""

from collections.abc import Mapping
from typing import Any

from issuer.errors import TokenRejected
from issuer.issuing.keyring import Keyring
from issuer.jose import signing
from issuer.model.audience import TokenTyp
from issuer.model.signing_key import TOKEN_ALGS, KeyPurpose

_ALGS = frozenset(TOKEN_ALGS)
_REQUIRED = ("iss", "sub", "aud", "client_id", "exp", "iat", "jti")

AccessClaims = Mapping[str, Any]  # Any: values of any JSON type, signed by us


def read(token: str, issuer_url: str, keyring: Keyring, now: int) -> AccessClaims:
    """Return the claims of an access token of ours; raises TokenRejected for anything else.

    Checks size, typ, key and its state, algorithm, signature, iss and the claims that every access
    token has, which an ID token of typ `JWT` has not. Does not check aud, exp, or any revocation.
    """
    claims = _verify(token, keyring, now)
    if claims.get("iss") != issuer_url:
        raise TokenRejected("iss of another issuer")
    if any(name not in claims for name in _REQUIRED):
        raise TokenRejected("a claim is missing that every access token of ours has")
    return claims


def list_aud(claims: AccessClaims) -> tuple[str, ...]:
    """Return `aud` as a tuple, whether it is a string or an array."""
    aud = claims["aud"]
    return (aud,) if isinstance(aud, str) else tuple(aud)


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
