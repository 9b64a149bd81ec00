"""Permissions: a revoked one keeps its row, without scopes, until it is granted again."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, delete, insert, select, update

from issuer.model.audience import AudienceId
from issuer.model.client import ClientId, ClientKey
from issuer.model.permission import Permission, PermittedSubject
from issuer.store import audiences
from issuer.store.tables import AudienceRow, ClientRow, PermissionRow, PermissionScopeRow, ScopeRow


def find_permission(
    connection: Connection, client_key: ClientKey, audience_id: AudienceId
) -> Permission | None:
    """Return the permission of a client on an audience, None if there is none or it is revoked."""
    found = list_permissions(connection, client_key=client_key, audience_id=audience_id)
    return next(iter(found), None)


def require_permission(connection: Connection, client_key: ClientKey, audience_id: AudienceId) -> Permission:
    """Return a permission that was granted in this transaction."""
    (permission,) = list_permissions(connection, client_key=client_key, audience_id=audience_id)
    return permission


def list_permissions(
    connection: Connection, *, client_key: ClientKey | None = None, audience_id: AudienceId | None = None
) -> tuple[Permission, ...]:
    """Return what is permitted to a client, on an audience, or at all.

    In order of client_id, then in that in which the audiences were registered. Five statements.
    """
    condition = _condition(client_key, audience_id)
    rows = connection.execute(
        select(PermissionRow, ClientRow.client_id)
        .join_from(PermissionRow, ClientRow, PermissionRow.client_key == ClientRow.key)
        .where(condition)
        .order_by(ClientRow.client_id, PermissionRow.audience_id)
    ).all()
    if not rows:
        return ()
    permitted = select(PermissionRow.audience_id).where(condition)
    by_id = {
        audience.id: audience
        for audience in audiences.list_audiences_where(connection, AudienceRow.id.in_(permitted))
    }
    scopes, defaults = _list_scopes(connection, condition)
    return tuple(
        Permission(
            client_id=ClientId(row.client_id),
            audience=by_id[AudienceId(row.audience_id)],
            scopes=frozenset(scopes.get(row.id, ())),
            default_scopes=frozenset(defaults.get(row.id, ())),
            subject=PermittedSubject(row.subject),
            version=row.version,
        )
        for row in rows
    )


def list_granted_at(connection: Connection) -> dict[tuple[ClientId, AudienceId], int]:
    """Return when each permission was granted, epoch seconds, by client and audience; one statement."""
    rows = connection.execute(
        select(ClientRow.client_id, PermissionRow.audience_id, PermissionRow.created_at)
        .join_from(PermissionRow, ClientRow, PermissionRow.client_key == ClientRow.key)
        .where(_condition(None, None))
    )
    return {(ClientId(row.client_id), AudienceId(row.audience_id)): row.created_at for row in rows}


def list_holders(
    connection: Connection, audience_id: AudienceId, scopes: Collection[str]
) -> tuple[ClientId, ...]:
    """Return the clients that are permitted any of these scopes of an audience, by client_id."""
    rows = connection.execute(
        select(ClientRow.client_id)
        .join_from(ClientRow, PermissionRow, PermissionRow.client_key == ClientRow.key)
        .join(PermissionScopeRow, PermissionScopeRow.permission_id == PermissionRow.id)
        .join(ScopeRow, ScopeRow.id == PermissionScopeRow.scope_id)
        .where(_condition(None, audience_id), ScopeRow.name.in_(sorted(scopes)))
        .distinct()
        .order_by(ClientRow.client_id)
    )
    return tuple(ClientId(row.client_id) for row in rows)


def add_permission(connection: Connection, client_key: ClientKey, permission: Permission, now: int) -> None:
    """Permit what `permission` says; what was permitted on its audience before is replaced."""
    is_pair = _is_pair(client_key, permission.audience.id)
    values = {"subject": permission.subject.value, "is_revoked": False}
    permission_id = connection.execute(
        update(PermissionRow)
        .where(is_pair)
        .values(
            version=PermissionRow.version + 1,
            # Granted anew, it is new: nobody could use it meanwhile.
            created_at=case((PermissionRow.is_revoked, now), else_=PermissionRow.created_at),
            **values,
        )
        .returning(PermissionRow.id)
    ).scalar_one_or_none()
    if permission_id is None:
        permission_id = connection.execute(
            insert(PermissionRow)
            .values(client_key=client_key, audience_id=permission.audience.id, created_at=now, **values)
            .returning(PermissionRow.id)
        ).scalar_one()
    connection.execute(delete(PermissionScopeRow).where(PermissionScopeRow.permission_id == permission_id))
    _add_scopes(connection, permission_id, permission)


def remove_permission(connection: Connection, client_key: ClientKey, audience_id: AudienceId) -> None:
    """Revoke what is permitted to a client on an audience."""
    is_pair = _is_pair(client_key, audience_id)
    permission_id = select(PermissionRow.id).where(is_pair).scalar_subquery()
    connection.execute(delete(PermissionScopeRow).where(PermissionScopeRow.permission_id == permission_id))
    connection.execute(
        update(PermissionRow).where(is_pair).values(is_revoked=True, version=PermissionRow.version + 1)
    )


def _is_pair(client_key: ClientKey, audience_id: AudienceId) -> ColumnElement[bool]:
    return and_(PermissionRow.client_key == client_key, PermissionRow.audience_id == audience_id)


def _condition(client_key: ClientKey | None, audience_id: AudienceId | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [PermissionRow.is_revoked.is_(False)]
    if client_key is not None:
        conditions.append(PermissionRow.client_key == client_key)
    if audience_id is not None:
        conditions.append(PermissionRow.audience_id == audience_id)
    return and_(*conditions)


def _list_scopes(
    connection: Connection, condition: ColumnElement[bool]
) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    scopes: dict[int, list[str]] = {}
    defaults: dict[int, list[str]] = {}
    for permission_id, name, is_default in connection.execute(
        select(PermissionScopeRow.permission_id, ScopeRow.name, PermissionScopeRow.is_default)
        .join_from(PermissionScopeRow, ScopeRow, PermissionScopeRow.scope_id == ScopeRow.id)
        .join(PermissionRow, PermissionRow.id == PermissionScopeRow.permission_id)
        .where(condition)
    ):
        scopes.setdefault(permission_id, []).append(name)
        if is_default:
            defaults.setdefault(permission_id, []).append(name)
    return scopes, defaults


def _add_scopes(connection: Connection, permission_id: int, permission: Permission) -> None:
    rows: list[dict[str, Any]] = [  # Any: values of columns of several types
        {
            "permission_id": permission_id,
            "scope_id": scope_id,
            "is_default": name in permission.default_scopes,
        }
        for scope_id, name in connection.execute(
            select(ScopeRow.id, ScopeRow.name).where(
                ScopeRow.audience_id == permission.audience.id, ScopeRow.name.in_(sorted(permission.scopes))
            )
        )
    ]
    if rows:
        connection.execute(insert(PermissionScopeRow), rows)
