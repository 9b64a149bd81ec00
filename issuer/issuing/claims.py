"""The claims of the tokens, from a token plan."""

from issuer.model.audience import JsonValue
from issuer.model.token_plan import TokenPlan

Claims = dict[str, JsonValue]


def access_token_claims(
    plan: TokenPlan, issuer_url: str, jti: str, now: int, family: str | None = None
) -> Claims:
    """Return the claims of an access token (RFC 9068 §2.2).

    now: epoch seconds. `aud` is a string for one audience and an array for several; `scope` is left
    out when empty. family: of the refresh token that it comes with, or from. The audiences' extra
    claims come first, so that none ever replaces one of ours.
    """
    claims: Claims = {
        **plan.extra_claims,
        "iss": issuer_url,
        "sub": plan.subject.sub,
        "aud": plan.aud[0] if len(plan.aud) == 1 else list(plan.aud),
        "client_id": plan.client.client_id,
        "iat": now,
        "exp": now + plan.lifetime_seconds,
        "jti": jti,
    }
    if plan.scopes:
        claims["scope"] = " ".join(plan.scopes)
    if family is not None:
        claims["family"] = family
    if plan.subject.tenant_id is not None:
        claims["tenant_id"] = plan.subject.tenant_id
    return claims
