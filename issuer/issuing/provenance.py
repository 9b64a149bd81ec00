"""Provenance: whose word each part of a planned token is. It tells of the decision and makes none."""

from issuer.model.audience import RESERVED_ACCESS
from issuer.model.permission import ClientRecord, Permission
from issuer.model.token_plan import TargetRequest, TokenPlan
from issuer.policy import lifetimes, scopes
from issuer.policy.lifetimes import Lifetimes


def list_origins(
    plan: TokenPlan, request: TargetRequest, record: ClientRecord, bounds: Lifetimes
) -> dict[str, str]:
    """Return, by the name of a claim or member of the header, who decided it and by which rule.

    plan: what `record` gets for `request`.
    """
    of_audiences = _name_audiences(plan)
    origins = dict.fromkeys(plan.extra_claims, f"extra claim of {of_audiences}")
    origins |= {
        "alg": f"token policy of {of_audiences}",
        "typ": f"token policy of {of_audiences}",
        "kid": f"the {plan.signing_alg.value} key that signs now",
        "iss": "setting ISSUER_URL",
        "sub": "client: it asks for itself",
        "aud": _tell_aud(plan, request, record),
        "client_id": "client",
        "scope": _tell_scope(plan, request, record),
        "tenant_id": "client",
        "iat": "now",
        "exp": _tell_lifetime(plan, bounds),
        "jti": "new for each token",
        "family": "request: offline_access gives a refresh token, which this one came with",
    }
    return origins


def _name_audiences(plan: TokenPlan) -> str:
    return " and ".join(audience.identifier for audience in plan.audiences)


def _tell_aud(plan: TokenPlan, request: TargetRequest, record: ClientRecord) -> str:
    asked = {*request.resources, *request.audiences}
    told = _tell_asked(request) if asked else _tell_default(plan, request, record)
    identifiers = {audience.identifier for audience in plan.audiences}
    if asked and not identifiers <= asked:
        told += ", in the spelling that is registered"
    if len(plan.aud) > len(plan.audiences):
        told += ", with an alias that stands beside it"
    return told


def _tell_asked(request: TargetRequest) -> str:
    named = [
        name for name, sent in (("resource", request.resources), ("audience", request.audiences)) if sent
    ]
    return f"request: {' and '.join(named)}"


def _tell_default(plan: TokenPlan, request: TargetRequest, record: ClientRecord) -> str:
    (chosen,) = plan.audiences
    is_default = chosen.id == record.client.default_audience
    asked, _ = scopes.split_issuer_scopes(scopes.parse_scope(request.scope))
    if asked:
        defining = [one for one in record.permissions if scopes.defines_all(one, asked)]
        if is_default and len(defining) > 1:
            return "client: its default audience, of several that define the scopes"
        return "request: the only permitted audience that defines the scopes"
    if is_default:
        return "client: its default audience, as the request names none"
    if chosen.is_reserved and chosen.identifier == RESERVED_ACCESS:
        return f"default: {RESERVED_ACCESS}, as request and client name none"
    return "permission: the only audience that the client may ask for"


def _tell_scope(plan: TokenPlan, request: TargetRequest, record: ClientRecord) -> str:
    asked, _ = scopes.split_issuer_scopes(scopes.parse_scope(request.scope))
    if asked:
        return "request: scope"
    chosen = _list_permissions(plan, record)
    if all(permission.default_scopes for permission in chosen):
        return "permission: its default scopes, as the request names none"
    return "permission: all its scopes, as neither request nor permission names defaults"


def _list_permissions(plan: TokenPlan, record: ClientRecord) -> list[Permission]:
    ids = {audience.id for audience in plan.audiences}
    return [permission for permission in record.permissions if permission.audience.id in ids]


def _tell_lifetime(plan: TokenPlan, bounds: Lifetimes) -> str:
    cap = plan.client.access_token_max_seconds
    told = [
        (lifetimes.explain_access_token(audience.policy, cap, bounds), audience.identifier)
        for audience in plan.audiences
    ]
    shortest, identifier = min(told, key=lambda one: one[0].seconds)
    whose = f" of {identifier}" if shortest.origin is lifetimes.LifetimeOrigin.AUDIENCE else ""
    return f"{shortest.origin.value}{whose}: {shortest.seconds} seconds from iat"
