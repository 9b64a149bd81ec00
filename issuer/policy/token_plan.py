"""The token plan: audiences first, then scopes, then how the token looks; or a refusal."""

from collections.abc import Mapping, Sequence

from issuer.errors import InvalidGrant, InvalidScope, InvalidTarget
from issuer.model.audience import Audience, JsonValue
from issuer.model.permission import ClientRecord, Permission
from issuer.model.token_plan import Grant, Subject, TargetRequest, TokenPlan
from issuer.policy import audience, extra_claims, lifetimes, scopes


def plan_token(  # noqa: PLR0913 - each is a fact of its own that the decision rests on
    request: TargetRequest,
    record: ClientRecord,
    subject: Subject,
    now: int,
    *,
    bounds: lifetimes.Lifetimes,
    issuer_scopes: frozenset[str] = frozenset(),
    grant: Grant | None = None,
) -> TokenPlan:
    """Return the plan of the access token that a request gets.

    issuer_scopes: those of `scopes.ISSUER_SCOPES` that this grant type and client may ask for.
    grant: what a code or refresh token covers; the plan never exceeds it.
    Raises InvalidTarget, InvalidScope or InvalidGrant, each with a detail. Writes nothing.
    """
    asked, asked_of_issuer = scopes.split_issuer_scopes(scopes.parse_scope(request.scope))
    chosen = audience.choose(request, asked, record, subject.kind, now, grant)
    allowed = issuer_scopes if grant is None else issuer_scopes & grant.issuer_scopes
    if not asked_of_issuer <= allowed:
        missing = ", ".join(sorted(asked_of_issuer - allowed))
        raise InvalidScope(f"this client may not ask for {missing} with this grant type")
    if grant is None:
        given = scopes.check_asked_scopes(asked, chosen) if asked else scopes.default_scopes(chosen)
    else:
        given = _narrow_scopes(asked, grant, chosen, audience.list_granted(grant, record, now))
    audiences = tuple(permission.audience for permission in chosen)
    return TokenPlan(
        client=record.client,
        subject=subject,
        audiences=audiences,
        aud=tuple(name for one in audiences for name in audience.emitted_identifiers(one, now)),
        scopes=tuple(sorted(given)),
        issuer_scopes=asked_of_issuer,
        lifetime_seconds=lifetimes.access_token_seconds(audiences, record.client, bounds),
        signing_alg=audiences[0].policy.signing_alg,
        typ=audiences[0].policy.typ,
        extra_claims=_merge_extra_claims(audiences, grant),
    )


def _narrow_scopes(
    asked: frozenset[str], grant: Grant, chosen: Sequence[Permission], granted: Sequence[Permission]
) -> frozenset[str]:
    if not asked:
        return scopes.still_permitted(grant.scopes, chosen, granted)
    if not asked <= grant.scopes:
        raise InvalidScope("a scope is asked for that the grant does not hold")
    return scopes.check_asked_scopes(asked, chosen, granted)


def _merge_extra_claims(audiences: Sequence[Audience], grant: Grant | None) -> Mapping[str, JsonValue]:
    if len(audiences) == 1:
        return audiences[0].policy.extra_claims
    merged: dict[str, JsonValue] = {}
    for one in audiences:
        clashing = extra_claims.find_clash(one.policy.extra_claims, merged)
        if clashing is not None:
            refusal = InvalidTarget if grant is None else InvalidGrant
            raise refusal(f"the audiences asked for give the claim {clashing} different values")
        merged.update(one.policy.extra_claims)
    return merged
