"""Permissions: which client may ask for which audience."""

from collections.abc import Sequence
from dataclasses import dataclass

from issuer.errors import Conflict, InvalidValue, Locked, Stale
from issuer.model.audience import RESERVED_REFRESH, Audience, AudienceState
from issuer.model.client import Client
from issuer.model.permission import Permission, PermittedSubject
from issuer.registry import client_rules, descriptions, removal, spellings
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.store import permissions as store


@dataclass(frozen=True, slots=True)
class NewPermission:
    """What a client is to be permitted. identifier: any spelling of the audience.

    scopes: names the audience defines, possibly none. default_scopes: part of scopes; none means all.
    expected_version: refuse if the permission is no longer at this version, 0 for none; None to grant anyway.
    """

    client_id: str
    identifier: str
    scopes: frozenset[str] = frozenset()
    default_scopes: frozenset[str] = frozenset()
    subject: PermittedSubject = PermittedSubject.CLIENT
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """A permission that a client gets, and the one that it replaces, or None. wanted: of `check_grant`."""

    client: Client
    wanted: Permission
    before: Permission | None


def grant_permission(registrar: Registrar, new: NewPermission) -> Permission:
    """Permit an audience to a client and return the permission; one that is there is replaced.

    Raises NotFound, Locked for the audience `refresh`, InvalidValue for scopes that the audience does
    not define, Conflict if client or audience is removed, or the permission was changed meanwhile.
    """
    with registrar.change(Power.PERMISSIONS) as change:
        client = client_rules.require_changeable(change.connection, new.client_id)
        audience = spellings.require_audience(change.connection, new.identifier)
        change.within_service(audience.service.name)
        wanted = check_grant(client, audience, new)
        before = store.find_permission(change.connection, client.key, audience.id)
        if new.expected_version not in {None, find_version(before)}:
            raise Stale(f"somebody changed what {client.client_id} may ask for at {audience.identifier}")
        return _write(change, Granted(client, wanted, before))


def revoke_permission(registrar: Registrar, client_id: str, identifier: str) -> None:
    """Take a permission back; a default audience stays the default, and is refused. Twice is once.

    Raises NotFound if there is no such client or audience.
    """
    with registrar.change(Power.PERMISSIONS) as change:
        client = client_rules.require_client(change.connection, client_id)
        audience = spellings.require_audience(change.connection, identifier)
        change.within_service(audience.service.name)
        permission = store.find_permission(change.connection, client.key, audience.id)
        if permission is not None:
            removal.revoke_permission(change, permission)


def list_permissions(
    registrar: Registrar, client_id: str | None = None, identifier: str | None = None
) -> tuple[Permission, ...]:
    """Return the permissions of a client, on an audience, of both, or all; by client_id, then registration.

    Raises NotFound for a client or audience that is named and not registered.
    """
    with registrar.reading() as connection:
        return store.list_permissions(
            connection,
            client_key=None if client_id is None else client_rules.require_client(connection, client_id).key,
            audience_id=None if identifier is None else spellings.require_audience(connection, identifier).id,
        )


def find_version(permission: Permission | None) -> int:
    """Return the version of a permission, 0 for none."""
    return 0 if permission is None else permission.version


def check_grant(client: Client, audience: Audience, new: NewPermission) -> Permission:
    """Return what is to be permitted if it may be; raises as `grant_permission`.

    client: one that may be changed. audience: the one that `new` names.
    """
    _check_grantable(audience)
    _check_scopes(audience, new)
    return Permission(client.client_id, audience, new.scopes, new.default_scopes, new.subject, 0)


def write_granted(change: Change, granted: Sequence[Granted]) -> None:
    """Permit many things at once, inside a transaction, with an event for each; those must differ."""
    store.add_permissions(change.connection, [(one.client.key, one.wanted) for one in granted], change.now)
    for one in granted:
        _record_granted(change, one)


def _check_grantable(audience: Audience) -> None:
    if audience.is_reserved and audience.identifier == RESERVED_REFRESH:
        raise Locked(f"{RESERVED_REFRESH} addresses the token endpoint; nobody may ask for it")
    if audience.state is AudienceState.REMOVED:
        raise Conflict(f"the audience {audience.identifier} is removed; that is for good")


def _check_scopes(audience: Audience, new: NewPermission) -> None:
    unknown = sorted(new.scopes - {scope.name for scope in audience.scopes})
    if unknown:
        raise InvalidValue(f"{audience.identifier} defines no scope {', '.join(unknown)}")
    outside = sorted(new.default_scopes - new.scopes)
    if outside:
        raise InvalidValue(f"default scopes are part of the permitted ones; {', '.join(outside)} is not")


def _write(change: Change, granted: Granted) -> Permission:
    client, wanted, before = granted.client, granted.wanted, granted.before
    if before is not None and descriptions.of_permission(before) == descriptions.of_permission(wanted):
        return before
    store.add_permission(change.connection, client.key, wanted, change.now)
    _record_granted(change, granted)
    return store.require_permission(change.connection, client.key, wanted.audience.id)


def _record_granted(change: Change, granted: Granted) -> None:
    change.concerns_client(granted.client.key)
    was = None if granted.before is None else descriptions.of_permission(granted.before)
    after = descriptions.of_permission(granted.wanted)
    change.record("permission.granted", "permission", granted.client.client_id, was, after)
