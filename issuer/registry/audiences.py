"""Audiences: what services are called in tokens, their scopes and their token policies."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from issuer.errors import Conflict, InvalidValue, NotFound
from issuer.model.audience import (
    Audience,
    AudienceId,
    AudienceState,
    JsonValue,
    Scope,
    SigningAlg,
    TokenPolicy,
    TokenTyp,
)
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.policy import identifiers
from issuer.registry import audience_rules, audience_steps, powers, removal, services, spellings
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.registry.services import NewService
from issuer.registry.unchanged import UNCHANGED, Unchanged, settle
from issuer.store import audiences as store

# Of what is looked at beside what is registered, and not registered itself.
_NO_ID: Final = AudienceId(2**62)
_NO_SERVICE: Final = Service(
    ServiceId(0),
    "a new service",
    "",
    None,
    ServiceState.ACTIVE,
    is_builtin=False,
    created_at=0,
    version=0,
)


@dataclass(frozen=True, slots=True)
class NewAudience:
    """An audience to be registered. service: its name. Lifetimes: seconds, None for the server's default."""

    identifier: str
    service: str
    description: str = ""
    scopes: tuple[Scope, ...] = ()
    access_token_seconds: int | None = None
    refresh_idle_seconds: int | None = None
    refresh_absolute_seconds: int | None = None
    signing_alg: SigningAlg = SigningAlg.RS256
    typ: TokenTyp = TokenTyp.AT_JWT
    extra_claims: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AudienceChange:
    """What becomes of an audience; fields left out stay.

    add_scopes: a scope that is there already takes the new description. remove_scopes: names.
    expected_version: refuse if the audience is no longer at this version; None to change it anyway.
    """

    description: str | Unchanged = UNCHANGED
    access_token_seconds: int | Unchanged | None = UNCHANGED
    refresh_idle_seconds: int | Unchanged | None = UNCHANGED
    refresh_absolute_seconds: int | Unchanged | None = UNCHANGED
    signing_alg: SigningAlg | Unchanged = UNCHANGED
    typ: TokenTyp | Unchanged = UNCHANGED
    extra_claims: Mapping[str, JsonValue] | Unchanged = UNCHANGED
    add_scopes: tuple[Scope, ...] = ()
    remove_scopes: frozenset[str] = frozenset()
    expected_version: int | None = None


def add_audience(registrar: Registrar, new: NewAudience) -> Audience:
    """Register an audience of a service and return it.

    Raises InvalidValue for a field that may not be so, NotFound for the service, Locked for what is
    the issuer's own, Conflict if the identifier is or ever was taken or an extra claim clashes.
    """
    identifiers.check_identifier(new.identifier)
    with registrar.change(Power.NEW_AUDIENCES) as change:
        service = services.require_service(change.connection, new.service)
        audience_rules.check_open(service)
        audience = draft(new, service, change.now)
        audience_rules.check_clash(change.connection, audience)
        return audience_steps.write_added(registrar, change, audience)


def add_audience_and_service(registrar: Registrar, new: NewAudience, service: NewService) -> Audience:
    """Register a service with its first audience, both or neither, and return the audience.

    new: its service is not looked at. Raises as `add_audience` and `services.add_service`.
    """
    identifiers.check_identifier(new.identifier)
    powers.check(registrar.actor, Power.SERVICES, registrar.clock.now())
    with registrar.change(Power.NEW_AUDIENCES) as change:
        audience = draft(new, services.write_added(change, service), change.now)
        audience_rules.check_clash(change.connection, audience)
        return audience_steps.write_added(registrar, change, audience)


def find_audience(registrar: Registrar, identifier: str) -> Audience:
    """Return the audience that bears this identifier, canonically or as an alias; raises NotFound."""
    with registrar.reading() as connection:
        return spellings.require_audience(connection, identifier)


def find_audience_by_id(registrar: Registrar, audience_id: AudienceId) -> Audience:
    """Return the audience of that id, removed or not; raises NotFound."""
    with registrar.reading() as connection:
        audience = store.find_audience(connection, audience_id)
    if audience is None:
        raise NotFound(f"no audience has the id {audience_id}")
    return audience


def list_audiences(registrar: Registrar, service: str | None = None) -> tuple[Audience, ...]:
    """Return the audiences of a service, or all, removed ones included, in order of registration.

    Raises NotFound for the service.
    """
    with registrar.reading() as connection:
        service_id = None if service is None else services.require_service(connection, service).id
        return store.list_audiences(connection, service_id)


def change_audience(registrar: Registrar, identifier: str, wanted: AudienceChange) -> Audience:
    """Change an audience and return it; where nothing differs, nothing is written.

    Raises as `add_audience`; NotFound also for a scope to be removed; Conflict also if the audience is
    removed, was changed meanwhile, or such a scope is part of a permission (the detail names the clients).
    """
    with registrar.change(Power.AUDIENCES) as change:
        before = audience_rules.require_changeable(change.connection, identifier, wanted.expected_version)
        change.within_service(before.service.name)
        after = replace(
            before,
            description=settle(wanted.description, before.description),
            scopes=_settle_scopes(before, wanted),
            policy=_settle_policy(before.policy, wanted),
        )
        if not audience_steps.is_same(before, after):
            audience_rules.check_clash(change.connection, after)
        return audience_steps.write_changed(registrar, change, before, after)


def disable_audience(registrar: Registrar, identifier: str) -> Audience:
    """Stop tokens for an audience; what is registered stays. Twice is once."""
    with registrar.change(Power.AUDIENCES) as change:
        before = audience_rules.require_changeable(change.connection, identifier)
        change.within_service(before.service.name)
        return audience_steps.write_state(change, before, AudienceState.DISABLED, before.successor)


def enable_audience(registrar: Registrar, identifier: str) -> Audience:
    """Make a disabled or deprecated audience active again, without a successor. Twice is once."""
    with registrar.change(Power.AUDIENCES) as change:
        before = audience_rules.require_changeable(change.connection, identifier)
        change.within_service(before.service.name)
        return audience_steps.write_state(change, before, AudienceState.ACTIVE, None)


def deprecate_audience(
    registrar: Registrar, identifier: str, successor: str | None = None, expected_version: int | None = None
) -> Audience:
    """Mark an audience as on its way out; tokens are still issued for it. Twice is once.

    successor: any spelling of an active audience of a service, or None. expected_version: refuse if the
    audience is no longer at this version. Raises NotFound, Locked, or Conflict if the audience is
    disabled or the successor not active.
    """
    with registrar.change(Power.AUDIENCES) as change:
        before = audience_rules.require_changeable(change.connection, identifier, expected_version)
        change.within_service(before.service.name)
        if before.state is AudienceState.DISABLED:
            raise Conflict(f"the audience {before.identifier} is disabled; enable it first")
        named = None if successor is None else _require_successor(change, before, successor)
        return audience_steps.write_state(change, before, AudienceState.DEPRECATED, named)


def remove_audience(registrar: Registrar, identifier: str) -> Audience:
    """Remove an audience with all permissions on it; its identifiers stay taken. Twice is once."""
    with registrar.change(Power.AUDIENCE_REMOVAL) as change:
        audience = spellings.require_audience(change.connection, identifier)
        if audience.state is AudienceState.REMOVED:
            return audience
        removal.remove_audience(
            change, audience_rules.require_changeable(change.connection, audience.identifier)
        )
        return store.require_audience(change.connection, audience.id)


def draft(new: NewAudience, service: Service, now: int) -> Audience:
    """Return a new audience as it will be registered, its id aside. service: the one that `new` names."""
    return Audience(
        id=AudienceId(0),
        identifier=new.identifier,
        canonical=identifiers.canonical_form(new.identifier),
        description=new.description,
        service=service,
        scopes=new.scopes,
        aliases=(),
        policy=TokenPolicy(
            access_token_seconds=new.access_token_seconds,
            refresh_idle_seconds=new.refresh_idle_seconds,
            refresh_absolute_seconds=new.refresh_absolute_seconds,
            signing_alg=new.signing_alg,
            typ=new.typ,
            extra_claims=new.extra_claims,
        ),
        state=AudienceState.ACTIVE,
        successor=None,
        is_reserved=False,
        created_at=now,
        version=1,
    )


def sketch(registrar: Registrar, new: NewAudience) -> Audience:
    """Return a new audience as it would be registered, of a service that need not be there.

    Its id is larger than any that is given. What it holds is not checked, but that identifiers have a
    canonical form: raises InvalidValue.
    """
    return replace(draft(new, _NO_SERVICE, registrar.clock.now()), id=_NO_ID)


def _require_successor(change: Change, audience: Audience, successor: str) -> str:
    found = spellings.require_audience(change.connection, successor)
    audience_rules.check_successor(audience, found)
    return found.identifier


def _settle_policy(before: TokenPolicy, wanted: AudienceChange) -> TokenPolicy:
    return TokenPolicy(
        access_token_seconds=settle(wanted.access_token_seconds, before.access_token_seconds),
        refresh_idle_seconds=settle(wanted.refresh_idle_seconds, before.refresh_idle_seconds),
        refresh_absolute_seconds=settle(wanted.refresh_absolute_seconds, before.refresh_absolute_seconds),
        signing_alg=settle(wanted.signing_alg, before.signing_alg),
        typ=settle(wanted.typ, before.typ),
        extra_claims=settle(wanted.extra_claims, before.extra_claims),
    )


def _settle_scopes(before: Audience, wanted: AudienceChange) -> tuple[Scope, ...]:
    added = {scope.name for scope in wanted.add_scopes}
    both = sorted(added & wanted.remove_scopes)
    if both:
        raise InvalidValue(f"to be added and removed at once: {', '.join(both)}")
    missing = sorted(wanted.remove_scopes - {scope.name for scope in before.scopes})
    if missing:
        raise NotFound(f"{before.identifier} defines no scope {', '.join(missing)}")
    kept = [scope for scope in before.scopes if scope.name not in added | wanted.remove_scopes]
    return tuple(sorted([*kept, *wanted.add_scopes], key=lambda scope: scope.name))
