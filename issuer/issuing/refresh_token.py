"""Refresh tokens: what they say, and what one that is presented must be.

They are addressed to the token endpoint alone, of a `typ` of their own, and signed with an HMAC key
that is never published: each of the three keeps a service from taking one for an access token.
Nothing of them is stored; a successor made again is the same bytes.
"""

from collections.abc import Mapping
from typing import Any, Final

from issuer.errors import InvalidGrant, InvalidTarget, TokenRejected
from issuer.issuing.claims import Claims
from issuer.issuing.keyring import Keyring
from issuer.jose import signing
from issuer.model.audience import RESERVED_REFRESH
from issuer.model.family import SUBJECT_KINDS, Family, Presented
from issuer.model.permission import SubjectKind
from issuer.model.signing_key import REFRESH_ALG, KeyPurpose
from issuer.model.token_plan import Grant, Subject
from issuer.policy.scopes import split_issuer_scopes

TYP: Final = "refresh+jwt"

# Under what is read at all, so that no later generation, whose number is longer, ever exceeds it.
_LONGEST = signing.MAX_TOKEN_CHARACTERS - 256
_TEXTS = ("family", "client_id", "sub", "scope", "jti", "subject_kind")
_NUMBERS = ("generation", "iat", "exp")


def claims_of(family: Family, issuer_url: str, client_id: str) -> Claims:
    """Return the claims of a family's current refresh token; the same at every call."""
    claims: Claims = {
        "iss": issuer_url,
        "sub": family.subject.sub,
        "aud": RESERVED_REFRESH,
        "client_id": client_id,
        "iat": family.rotated_at,
        "exp": family.token_expires_at,
        "jti": f"{family.id}.{family.generation}",
        "family": family.id,
        "generation": family.generation,
        "granted_aud": list(family.audiences),
        "scope": " ".join((*family.scopes, *family.issuer_scopes)),
        "subject_kind": family.subject.kind.value,
    }
    if family.subject.tenant_id is not None:
        claims["tenant_id"] = family.subject.tenant_id
    return claims


def sign(family: Family, issuer_url: str, client_id: str, keyring: Keyring) -> str:
    """Return a family's current refresh token as compact JWS.

    Raises TemporarilyUnavailable if this process does not hold the key of its generation, InvalidTarget
    for a grant of so many words that the token could never be presented.
    """
    signer = keyring.signer_of(family.kid, KeyPurpose.REFRESH)
    token = signing.sign_claims(claims_of(family, issuer_url, client_id), signer, TYP)
    if len(token) > _LONGEST:
        raise InvalidTarget(f"the refresh token would have {len(token)} characters, over {_LONGEST}")
    return token


def read(token: str, issuer_url: str, keyring: Keyring, now: int) -> Presented:
    """Return what a refresh token of ours says; raises InvalidGrant for anything else.

    Checks size, key, algorithm, signature, typ, aud and iss (RFC 8725 §3.11, §3.12). Does not check
    whether it has expired, whose it is, or whether it is spent.
    """
    try:
        verified = signing.verify_compact(
            token,
            find_key=lambda kid: keyring.find_verifying_key(kid, KeyPurpose.REFRESH, now),
            algs=frozenset({REFRESH_ALG}),
            typ=TYP,
        )
    except TokenRejected as error:
        raise InvalidGrant(f"not a refresh token of this issuer: {error.detail}") from error
    claims = verified.claims
    if claims.get("aud") != RESERVED_REFRESH or claims.get("iss") != issuer_url:
        raise InvalidGrant("the token is addressed elsewhere or comes from another issuer")
    return _presented(claims)


def _presented(claims: Mapping[str, Any]) -> Presented:  # Any: values of any JSON type, signed by us
    if not _has_shape(claims):
        raise InvalidGrant("the token lacks a claim that every refresh token of ours has")
    scopes = split_issuer_scopes(frozenset(claims["scope"].split()))
    return Presented(
        family_id=claims["family"],
        generation=claims["generation"],
        client_id=claims["client_id"],
        subject=Subject(SubjectKind(claims["subject_kind"]), claims["sub"], claims.get("tenant_id")),
        grant=Grant(tuple(claims["granted_aud"]), *scopes),
        issued_at=claims["iat"],
        expires_at=claims["exp"],
    )


def _has_shape(claims: Mapping[str, Any]) -> bool:  # Any: as above
    granted = claims.get("granted_aud")
    return (
        all(isinstance(claims.get(name), str) for name in _TEXTS)
        # bool is an int to Python.
        and all(type(claims.get(name)) is int for name in _NUMBERS)
        and claims["generation"] >= 1
        and isinstance(granted, list)
        and all(isinstance(name, str) for name in granted)
        and claims.get("subject_kind") in SUBJECT_KINDS
        and isinstance(claims.get("tenant_id"), str | None)
    )
