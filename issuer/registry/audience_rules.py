"""What holds for every audience, whether it is new or changed."""

from issuer.errors import Conflict, InvalidValue, Locked, Stale
from issuer.model.audience import Audience, AudienceState, Scope, TokenPolicy
from issuer.model.service import Service, ServiceState
from issuer.policy import extra_claims, free_text, scopes
from issuer.registry import spellings
from issuer.registry.registrar import Registrar
from issuer.store import audiences
from issuer.store.db import Connection

SHORTEST_SECONDS = 10
LONGEST_REFRESH_SECONDS = 366 * 24 * 3600


def require_changeable(
    connection: Connection, identifier: str, expected_version: int | None = None
) -> Audience:
    """Return the audience that bears this identifier if it may be changed.

    Raises NotFound, Locked for the issuer's own, Conflict if it is removed or not at the version expected.
    """
    audience = spellings.require_audience(connection, identifier)
    if audience.is_reserved:
        raise Locked(f"the audience {audience.identifier} is the issuer's own")
    if audience.state is AudienceState.REMOVED:
        raise Conflict(f"the audience {audience.identifier} is removed; that is for good")
    if expected_version not in {None, audience.version}:
        raise Stale(f"somebody changed {audience.identifier} meanwhile: it is at version {audience.version}")
    return audience


def check_open(service: Service) -> None:
    """Refuse a service that takes no audience: Locked for the issuer itself, Conflict if it is removed."""
    if service.is_builtin:
        raise Locked(f"{service.name} is the issuer itself")
    if service.state is ServiceState.REMOVED:
        raise Conflict(f"the service {service.name} is removed; that is for good")


def check(registrar: Registrar, audience: Audience) -> None:
    """Refuse an audience whose description, scopes, lifetimes or extra claims may not be so.

    Raises InvalidValue. Does not look at its identifiers, nor at other audiences (`check_clash`).
    """
    free_text.check_text(audience.description, "the description")
    _check_scopes(audience.scopes)
    _check_lifetimes(audience.policy, registrar.access_token_max_seconds)
    extra_claims.check_extra_claims(audience.policy.extra_claims)


def check_clash(connection: Connection, audience: Audience) -> None:
    """Refuse extra claims to which an audience that may stand in one token gives other values: Conflict."""
    if not audience.policy.extra_claims:
        return
    for other in audiences.list_audiences_together(connection, audience):
        clash = extra_claims.find_clash(audience.policy.extra_claims, other.policy.extra_claims)
        if clash is not None and other.state is not AudienceState.REMOVED:
            raise Conflict(describe_clash(audience.identifier, other.identifier, clash))


def describe_clash(identifier: str, other: str, claim: str) -> str:
    """Return the sentence about a claim to which two audiences give different values."""
    return f"{other} may stand in one token with {identifier} and gives the claim {claim} another value"


def check_successor(audience: Audience, successor: Audience) -> None:
    """Refuse a successor that is the issuer's own (Locked), not active or the audience itself (Conflict)."""
    if successor.is_reserved:
        raise Locked(f"{successor.identifier} is the issuer's own and succeeds no other")
    if successor.id == audience.id or successor.state is not AudienceState.ACTIVE:
        raise Conflict(
            f"{successor.identifier} is {successor.state}: a successor is another, active audience"
        )


def check_lifetime(seconds: int | None, what: str, longest: int) -> None:
    """Refuse a lifetime under 10 seconds or over the longest; None stands for a default. InvalidValue."""
    if seconds is not None and not SHORTEST_SECONDS <= seconds <= longest:
        raise InvalidValue(f"{what} is {SHORTEST_SECONDS} to {longest} seconds")


def _check_scopes(defined: tuple[Scope, ...]) -> None:
    for scope in defined:
        scopes.check_scope_name(scope.name)
        free_text.check_text(scope.description, f"the description of the scope {scope.name}")
    names = [scope.name for scope in defined]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise InvalidValue(f"a scope stands twice: {', '.join(repeated)}")


def _check_lifetimes(policy: TokenPolicy, access_token_max_seconds: int) -> None:
    check_lifetime(policy.access_token_seconds, "an access token's life", access_token_max_seconds)
    check_lifetime(policy.refresh_idle_seconds, "a refresh token's idle life", LONGEST_REFRESH_SECONDS)
    check_lifetime(
        policy.refresh_absolute_seconds, "a refresh token's absolute life", LONGEST_REFRESH_SECONDS
    )
    idle, absolute = policy.refresh_idle_seconds, policy.refresh_absolute_seconds
    if idle is not None and absolute is not None and idle > absolute:
        raise InvalidValue("a refresh token's idle life is no longer than its absolute life")
