"""The claims of the tokens, from a token plan.

Most of them are the same in every token of a plan. They are written as JSON once, where a plan is kept:
encoding all of them anew costs a tenth of an ES256 signature.
"""

from issuer.jose import signing
from issuer.model.audience import JsonValue
from issuer.model.token_plan import TokenPlan

Claims = dict[str, JsonValue]

# What differs from token to token; no claim of these names is common to all tokens of a plan.
_OWN = frozenset({"iat", "exp", "jti", "family"})


def access_token_claims(
    plan: TokenPlan, issuer_url: str, jti: str, now: int, family: str | None = None
) -> Claims:
    """Return the claims of an access token (RFC 9068 §2.2).

    now: epoch seconds. `aud` is a string for one audience and an array for several; `scope` is left
    out when empty. family: of the refresh token that it comes with, or from.
    """
    claims = _fixed_claims(plan, issuer_url)
    claims |= {"iat": now, "exp": now + plan.lifetime_seconds, "jti": jti}
    if family is not None:
        claims["family"] = family
    return claims


def write_fixed(plan: TokenPlan, issuer_url: str) -> str:
    """Return the claims that all access tokens of a plan share, as members of a JSON object."""
    return signing.encode_json(_fixed_claims(plan, issuer_url))[1:-1]


def write_claims(fixed: str, jti: str, now: int, exp: int, family: str | None = None) -> str:
    """Return, as JSON, what `access_token_claims` returns. fixed: as `write_fixed` gives it."""
    own = f'"iat":{now},"exp":{exp},"jti":{signing.encode_json(jti)}'
    if family is not None:
        own = f'{own},"family":{signing.encode_json(family)}'
    return f"{{{fixed},{own}}}"


def _fixed_claims(plan: TokenPlan, issuer_url: str) -> Claims:
    # The audiences' extra claims come first, so that none ever replaces one of ours.
    claims: Claims = {name: value for name, value in plan.extra_claims.items() if name not in _OWN}
    claims |= {
        "iss": issuer_url,
        "sub": plan.subject.sub,
        "aud": plan.aud[0] if len(plan.aud) == 1 else list(plan.aud),
        "client_id": plan.client.client_id,
    }
    if plan.scopes:
        claims["scope"] = " ".join(plan.scopes)
    if plan.subject.tenant_id is not None:
        claims["tenant_id"] = plan.subject.tenant_id
    return claims
