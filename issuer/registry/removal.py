"""What goes when something is removed: permissions and links that would point to nothing."""

from collections.abc import Sequence
from dataclasses import replace

from issuer.errors import NotFound
from issuer.model.audience import Audience, AudienceState
from issuer.model.client import Client
from issuer.model.permission import Permission
from issuer.model.service import Service
from issuer.registry import descriptions, own_keys
from issuer.registry.registrar import Change
from issuer.store import audiences, clients, permissions


def remove_audience(change: Change, audience: Audience) -> None:
    """Put an audience into the state removed and take back every permission on it."""
    for permission in permissions.list_permissions(change.connection, audience_id=audience.id):
        revoke_permission(change, permission)
    gone = replace(audience, state=AudienceState.REMOVED, has_own_key=False)
    audiences.change_audience(change.connection, gone)
    if audience.has_own_key:
        own_keys.end(change, audience.id)
    change.concerns_everyone()
    change.record(
        "audience.removed",
        "audience",
        audience.identifier,
        {"state": audience.state.value},
        {"state": AudienceState.REMOVED.value},
    )


def revoke_permission(change: Change, permission: Permission) -> None:
    """Take back a permission. A default audience stays the default, and is refused from now on.

    Without a default the client's next request would silently get its only other audience, or `access`.
    Raises NotFound if there is no such client: a permission that stays would be taken for one that went.
    """
    client = clients.find_client(change.connection, permission.client_id)
    if client is None:
        raise NotFound(f"no client {permission.client_id} is registered")
    permissions.remove_permission(change.connection, client.key, permission.audience.id)
    _record_revoked(change, client, permission)


def revoke_permissions(change: Change, held: Sequence[tuple[Client, Permission]]) -> None:
    """Take back many permissions, each with its client as it is now, in a few statements."""
    pairs = [(client.key, permission.audience.id) for client, permission in held]
    permissions.remove_permissions(change.connection, pairs)
    for client, permission in held:
        _record_revoked(change, client, permission)


def unlink_clients(change: Change, service: Service) -> None:
    """Let no client speak for a service any more."""
    for client in clients.list_clients(change.connection, service_id=service.id):
        _write_client(change, client, replace(client, service=None))


def _record_revoked(change: Change, client: Client, permission: Permission) -> None:
    change.concerns_client(client.key)
    before = descriptions.of_permission(permission)
    change.record("permission.revoked", "permission", client.client_id, before, None)


def _write_client(change: Change, before: Client, after: Client) -> None:
    was = descriptions.of_client(change.connection, before)
    clients.change_client(change.connection, after)
    change.concerns_client(before.key)
    change.record(
        "client.changed",
        "client",
        before.client_id,
        was,
        descriptions.of_client(change.connection, after),
    )
