"""The effective token policy of an audience: each value with whose word it is."""

from collections.abc import Mapping
from dataclasses import dataclass

from issuer.model.audience import Audience, JsonValue, SigningAlg, TokenTyp
from issuer.policy import audience as identifiers
from issuer.policy import lifetimes
from issuer.policy.lifetimes import Lifetime, Lifetimes, RefreshLifetimes


@dataclass(frozen=True, slots=True)
class EffectivePolicy:
    """What a token for one audience looks like now.

    access: for clients without a cap of their own. refresh_idle, refresh_absolute: of a family for this
    audience alone. aud: what stands in the claim, dual aliases included. The rest is always the audience's.
    """

    access: Lifetime
    refresh_idle: Lifetime
    refresh_absolute: Lifetime
    aud: tuple[str, ...]
    signing_alg: SigningAlg
    typ: TokenTyp
    extra_claims: Mapping[str, JsonValue]


def explain(
    audience: Audience, bounds: Lifetimes, refresh_defaults: RefreshLifetimes, now: int
) -> EffectivePolicy:
    """Return the effective token policy of an audience at `now`, with the server's own lifetimes."""
    idle, absolute = lifetimes.explain_refresh(audience.policy, refresh_defaults)
    return EffectivePolicy(
        access=lifetimes.explain_access_token(audience.policy, None, bounds),
        refresh_idle=idle,
        refresh_absolute=absolute,
        aud=tuple(identifiers.emitted_identifiers(audience, now)),
        signing_alg=audience.policy.signing_alg,
        typ=audience.policy.typ,
        extra_claims=audience.policy.extra_claims,
    )
