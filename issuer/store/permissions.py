"""Permissions: a revoked one keeps its row, without scopes, until it is granted again."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, delete, func, insert, select, update

from issuer.model.audience import AudienceId
from issuer.model.client import ClientId, ClientKey, ClientState
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
    scopes, defaults = list_scopes_where(connection, condition)
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


def list_scopes_where(
    connection: Connection, condition: ColumnElement[bool]
) -> tuple[dict[int, list[str]], dict[int, list[str]]]:
    """Return the scopes and the default scopes of permissions for which a condition holds, by permission id.

    condition: on columns of permission; for other files of this folder and below.
    """
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


def list_granted_at(connection: Connection) -> dict[tuple[ClientId, AudienceId], int]:
    """Return when each permission was granted; one statement.

    Epoch seconds by client and audience.
    """
    rows = connection.execute(
        select(ClientRow.client_id, PermissionRow.audience_id, PermissionRow.created_at)
        .join_from(PermissionRow, ClientRow, PermissionRow.client_key == ClientRow.key)
        .where(_condition(None, None))
    )
    return {(ClientId(row.client_id), AudienceId(row.audience_id)): row.created_at for row in rows}


def list_callers(
    connection: Connection, audience_id: AudienceId, most: int | None = None
) -> tuple[ClientId, ...]:
    """Return the active clients that may ask for an audience, in any order; one statement.

    most: how many at most, None for all.
    """
    rows = connection.execute(
        select(ClientRow.client_id)
        .join_from(PermissionRow, ClientRow, PermissionRow.client_key == ClientRow.key)
        .where(_condition(None, audience_id), ClientRow.state == ClientState.ACTIVE.value)
        .limit(most)
    )
    return tuple(ClientId(client_id) for client_id in rows.scalars())


def list_audience_ids(
    connection: Connection, client_key: ClientKey, among: Collection[AudienceId] | None = None
) -> frozenset[AudienceId]:
    """Return the ids of the audiences that a client is permitted, of all or among some; one statement."""
    statement = select(PermissionRow.audience_id).where(_condition(client_key, None))
    if among is not None:
        statement = statement.where(PermissionRow.audience_id.in_(sorted(among)))
    return frozenset(AudienceId(audience_id) for audience_id in connection.execute(statement).scalars())


def was_ever_permitted(connection: Connection, audience_id: AudienceId) -> bool:
    """Return whether any client may ask for an audience or could once."""
    row = PermissionRow
    return (
        connection.execute(select(row.id).where(row.audience_id == audience_id).limit(1)).first() is not None
    )


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


def count_holders(connection: Connection, audience_id: AudienceId) -> dict[str, int]:
    """Return how many clients are permitted each scope of an audience; those of none are left out."""
    rows = connection.execute(
        select(ScopeRow.name, func.count())
        .join_from(PermissionScopeRow, ScopeRow, PermissionScopeRow.scope_id == ScopeRow.id)
        .join(PermissionRow, PermissionRow.id == PermissionScopeRow.permission_id)
        .where(_condition(None, audience_id))
        .group_by(ScopeRow.name)
    )
    return {row[0]: row[1] for row in rows}


def add_permission(connection: Connection, client_key: ClientKey, permission: Permission, now: int) -> None:
    """Permit what `permission` says; what was permitted on its audience before is replaced."""
    add_permissions(connection, [(client_key, permission)], now)


def add_permissions(
    connection: Connection, granted: Sequence[tuple[ClientKey, Permission]], now: int
) -> None:
    """Permit to each client what stands beside it, no pair twice; what was permitted before is replaced.

    A bounded number of statements for every 500 clients and audiences.
    """
    before = _list_ids(connection, granted)
    rows = [_values(key, permission, now) for key, permission in granted]
    renewed = [
        {"permission_id": before[pair], "granted_subject": row["subject"], "granted_at": now}
        for row in rows
        if (pair := (row["client_key"], row["audience_id"])) in before
    ]
    new = [row for row in rows if (row["client_key"], row["audience_id"]) not in before]
    if renewed:
        connection.execute(_RENEW, renewed)
        connection.execute(_WITHOUT_SCOPES, [{"permission_id": one["permission_id"]} for one in renewed])
    if new:
        connection.execute(insert(PermissionRow), new)
    _add_scopes(connection, granted, _list_ids(connection, granted) if new else before)


def remove_permission(connection: Connection, client_key: ClientKey, audience_id: AudienceId) -> None:
    """Revoke what is permitted to a client on an audience."""
    remove_permissions(connection, [(client_key, audience_id)])


def remove_permissions(connection: Connection, pairs: Iterable[tuple[ClientKey, AudienceId]]) -> None:
    """Revoke what is permitted to each client on the audience beside it, in two statements."""
    rows = [{"of_client": client_key, "on_audience": audience_id} for client_key, audience_id in pairs]
    if rows:
        connection.execute(_WITHOUT_SCOPES_OF_PAIR, rows)
        connection.execute(_REVOKE, rows)


def _condition(client_key: ClientKey | None, audience_id: AudienceId | None) -> ColumnElement[bool]:
    conditions: list[ColumnElement[bool]] = [PermissionRow.is_revoked.is_(False)]
    if client_key is not None:
        conditions.append(PermissionRow.client_key == client_key)
    if audience_id is not None:
        conditions.append(PermissionRow.audience_id == audience_id)
    return and_(*conditions)


def _values(client_key: ClientKey, permission: Permission, now: int) -> dict[str, Any]:  # Any: of columns
    return {
        "client_key": client_key,
        "audience_id": permission.audience.id,
        "subject": permission.subject.value,
        "is_revoked": False,
        "created_at": now,
    }


def _list_ids(
    connection: Connection, granted: Sequence[tuple[ClientKey, Permission]]
) -> dict[tuple[int, int], int]:
    """Return the ids of the rows of these clients, revoked ones included, by client and audience."""
    table = PermissionRow
    return {
        (row.client_key, row.audience_id): row.id
        for keys in _parts({key for key, _ in granted})
        for row in connection.execute(
            select(table.id, table.client_key, table.audience_id).where(table.client_key.in_(keys))
        )
    }


def _add_scopes(
    connection: Connection,
    granted: Sequence[tuple[ClientKey, Permission]],
    ids: Mapping[tuple[int, int], int],
) -> None:
    defined = {
        (row.audience_id, row.name): row.id
        for audience_ids in _parts({permission.audience.id for _, permission in granted})
        for row in connection.execute(
            select(ScopeRow.id, ScopeRow.audience_id, ScopeRow.name).where(
                ScopeRow.audience_id.in_(audience_ids)
            )
        )
    }
    rows = [
        {
            "permission_id": ids[client_key, permission.audience.id],
            "scope_id": defined[permission.audience.id, name],
            "is_default": name in permission.default_scopes,
        }
        for client_key, permission in granted
        for name in sorted(permission.scopes)
    ]
    if rows:
        connection.execute(insert(PermissionScopeRow), rows)


def _parts(numbers: Collection[int]) -> Iterator[list[int]]:
    ordered = sorted(numbers)
    return (
        ordered[start : start + audiences.MOST_NAMED]
        for start in range(0, len(ordered), audiences.MOST_NAMED)
    )


_RENEW = (
    update(PermissionRow)
    .where(PermissionRow.id == bindparam("permission_id"))
    .values(
        version=PermissionRow.version + 1,
        subject=bindparam("granted_subject"),
        is_revoked=False,
        # Granted anew, it is new: nobody could use it meanwhile.
        created_at=case((PermissionRow.is_revoked, bindparam("granted_at")), else_=PermissionRow.created_at),
    )
)
_WITHOUT_SCOPES = delete(PermissionScopeRow).where(
    PermissionScopeRow.permission_id == bindparam("permission_id")
)
_PAIR = and_(
    PermissionRow.client_key == bindparam("of_client"), PermissionRow.audience_id == bindparam("on_audience")
)
_WITHOUT_SCOPES_OF_PAIR = delete(PermissionScopeRow).where(
    PermissionScopeRow.permission_id == select(PermissionRow.id).where(_PAIR).scalar_subquery()
)
_REVOKE = update(PermissionRow).where(_PAIR).values(is_revoked=True, version=PermissionRow.version + 1)
