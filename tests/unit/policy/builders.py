"""Frozen registry values, written down in one line each, for the tests of the policy."""

from collections.abc import Iterable, Mapping

from issuer.model.audience import (
    Alias,
    AliasMode,
    Audience,
    AudienceId,
    AudienceState,
    JsonValue,
    Scope,
    SigningAlg,
    TokenPolicy,
    TokenTyp,
)
from issuer.model.client import AuthMethod, Client, ClientId, ClientKey, ClientState, ClientType, GrantType
from issuer.model.permission import ClientRecord, Permission, PermittedSubject, SubjectKind
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.model.token_plan import Grant, Subject, TargetRequest, TokenPlan
from issuer.policy import identifiers, token_plan
from issuer.policy.lifetimes import Lifetimes

NOW = 1_800_000_000
BOUNDS = Lifetimes(access_token_seconds=900, access_token_max_seconds=86_400)
CLIENT_ID = ClientId("shop")


def service(
    number: int = 1, *, trust_group: str | None = None, state: ServiceState = ServiceState.ACTIVE
) -> Service:
    """Return a service; two with the same number are the same."""
    return Service(ServiceId(number), f"service {number}", "team", trust_group, state, False, 0, 1)


def alias(identifier: str, mode: AliasMode = AliasMode.ACCEPT, until: int | None = None) -> Alias:
    """Return an alias with the canonical form that the registry would give it."""
    return Alias(identifier, identifiers.canonical_form(identifier), mode, until)


def token_policy(
    *,
    seconds: int | None = None,
    idle: int | None = None,
    absolute: int | None = None,
    alg: SigningAlg = SigningAlg.RS256,
    typ: TokenTyp = TokenTyp.AT_JWT,
    claims: Mapping[str, JsonValue] | None = None,
) -> TokenPolicy:
    """Return a token policy; what is not said takes the server's default."""
    return TokenPolicy(seconds, idle, absolute, alg, typ, claims or {})


def audience(
    identifier: str,
    number: int = 1,
    *,
    scopes: str = "",
    of: Service | None = None,
    aliases: Iterable[Alias] = (),
    policy: TokenPolicy | None = None,
    state: AudienceState = AudienceState.ACTIVE,
    reserved: bool = False,
) -> Audience:
    """Return an audience. number: its place in the order of registration. scopes: names with spaces."""
    return Audience(
        id=AudienceId(number),
        identifier=identifier,
        canonical=identifiers.canonical_form(identifier),
        description="",
        service=of or service(),
        scopes=tuple(Scope(name) for name in sorted(scopes.split())),
        aliases=tuple(aliases),
        policy=policy or token_policy(),
        state=state,
        successor=None,
        is_reserved=reserved,
        created_at=0,
        version=1,
    )


def permission(
    for_audience: Audience,
    scopes: str | None = None,
    *,
    default: str = "",
    subject: PermittedSubject = PermittedSubject.BOTH,
) -> Permission:
    """Return a permission. scopes: names with spaces, None for all that the audience defines."""
    permitted = {scope.name for scope in for_audience.scopes} if scopes is None else set(scopes.split())
    return Permission(CLIENT_ID, for_audience, frozenset(permitted), frozenset(default.split()), subject, 1)


def client(*, default: Audience | None = None, max_seconds: int | None = None) -> Client:
    """Return a client. default: the audience of its requests that name none."""
    return Client(
        key=ClientKey(1),
        client_id=CLIENT_ID,
        name="Shop",
        type=ClientType.SERVICE,
        grant_types=frozenset(GrantType),
        auth_method=AuthMethod.CLIENT_SECRET_BASIC,
        may_use_offline_access=False,
        default_audience=default.id if default else None,
        tenant_id=None,
        access_token_max_seconds=max_seconds,
        service=None,
        state=ClientState.ACTIVE,
        secrets=(),
        created_at=0,
        version=1,
    )


def record(
    *permitted: Permission | Audience, default: Audience | None = None, max_seconds: int | None = None
) -> ClientRecord:
    """Return a client with what it may ask for; a bare audience is permitted whole, for every subject."""
    permissions = (one if isinstance(one, Permission) else permission(one) for one in permitted)
    ordered = sorted(permissions, key=lambda one: one.audience.id)
    return ClientRecord(client(default=default, max_seconds=max_seconds), tuple(ordered))


def asking(*audiences: str, resources: tuple[str, ...] = (), scope: str | None = None) -> TargetRequest:
    """Return a request that names these values of the parameter `audience`, and these resources."""
    return TargetRequest(resources=resources, audiences=audiences, scope=scope)


def grant(*audiences: str, scopes: str = "", issuer_scopes: str = "") -> Grant:
    """Return what was consented: audiences, and scopes as names with spaces."""
    return Grant(audiences, frozenset(scopes.split()), frozenset(issuer_scopes.split()))


def plan(
    of: ClientRecord,
    request: TargetRequest | None = None,
    *,
    kind: SubjectKind = SubjectKind.CLIENT,
    now: int = NOW,
    issuer_scopes: str = "",
    held: Grant | None = None,
) -> TokenPlan:
    """Return the plan of a token, or raise what the policy raises."""
    return token_plan.plan_token(
        request or TargetRequest(),
        of,
        Subject(kind, "somebody"),
        now,
        bounds=BOUNDS,
        issuer_scopes=frozenset(issuer_scopes.split()),
        grant=held,
    )
