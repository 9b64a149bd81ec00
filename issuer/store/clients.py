"""Clients with their secrets: two statements, however many they are."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, case, exists, insert, select, true, update

from issuer.model.audience import AudienceId
from issuer.model.client import (
    AuthMethod,
    Client,
    ClientId,
    ClientKey,
    ClientSecret,
    ClientState,
    ClientType,
    GrantType,
)
from issuer.model.service import ServiceId
from issuer.store.tables import ClientRow, ClientSecretRow, PermissionRow


def find_client(connection: Connection, client_id: str) -> Client | None:
    """Return the client of that client_id, whatever its state, or None."""
    return next(iter(_list_where(connection, ClientRow.client_id == client_id)), None)


def list_clients(connection: Connection, service_id: ServiceId | None = None) -> tuple[Client, ...]:
    """Return the clients that speak for a service, or all, whatever their states, by client_id."""
    return _list_where(connection, true() if service_id is None else ClientRow.service_id == service_id)


def list_clients_of(connection: Connection, keys: Collection[int]) -> tuple[Client, ...]:
    """Return the clients with these keys, whatever their states, by client_id."""
    return _list_where(connection, ClientRow.key.in_(list(keys)))


def list_names(connection: Connection, client_ids: Collection[str]) -> dict[ClientId, str]:
    """Return the names of some clients, by client_id; who is none is left out. One statement."""
    rows = connection.execute(
        select(ClientRow.client_id, ClientRow.name).where(ClientRow.client_id.in_(sorted(client_ids)))
    )
    return {ClientId(client_id): name for client_id, name in rows}


def list_defaulting(connection: Connection, audience_id: AudienceId) -> list[tuple[ClientId, bool]]:
    """Return the active clients of which an audience is the default, each with whether it may ask for it.

    By client_id; one statement.
    """
    is_permitted = exists().where(
        PermissionRow.client_key == ClientRow.key,
        PermissionRow.audience_id == audience_id,
        PermissionRow.is_revoked.is_(False),
    )
    rows = connection.execute(
        select(ClientRow.client_id, is_permitted)
        .where(ClientRow.default_audience_id == audience_id, ClientRow.state == ClientState.ACTIVE.value)
        .order_by(ClientRow.client_id)
    )
    return [(ClientId(client_id), may_ask) for client_id, may_ask in rows]


def add_client(connection: Connection, client: Client) -> ClientKey:
    """Add a client, still without secrets, and return its key; the key in `client` is not looked at."""
    key = connection.execute(
        insert(ClientRow)
        .values(client_id=client.client_id, created_at=client.created_at, **_values(client))
        .returning(ClientRow.key)
    ).scalar_one()
    return ClientKey(key)


def change_client(connection: Connection, client: Client) -> None:
    """Write all fields of a client but its secrets, and raise its version."""
    connection.execute(
        update(ClientRow)
        .where(ClientRow.key == client.key)
        .values(version=ClientRow.version + 1, **_values(client))
    )


def change_last_used(connection: Connection, last_used: Mapping[str, int]) -> None:
    """Write when secrets were last used: epoch seconds by id of the secret; the later time wins.

    The secrets are written in order, so that two processes never wait for each other in a circle.
    """
    rows = [{"secret_id": secret_id, "used_at": used_at} for secret_id, used_at in sorted(last_used.items())]
    if rows:
        connection.execute(_LAST_USED, rows)


def read_secret(row: Row[*tuple[Any, ...]]) -> ClientSecret:  # Any: a row of client_secret
    """Return the secret in a row of its table."""
    return ClientSecret(
        id=row.id,
        label=row.label,
        secret_hash=row.secret_hash,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


_LAST_USED = (
    update(ClientSecretRow)
    .where(ClientSecretRow.id == bindparam("secret_id"))
    .values(
        last_used_at=case(
            (ClientSecretRow.last_used_at > bindparam("used_at"), ClientSecretRow.last_used_at),
            else_=bindparam("used_at"),
        )
    )
)


def _list_where(connection: Connection, condition: ColumnElement[bool]) -> tuple[Client, ...]:
    found = connection.execute(select(ClientRow).where(condition).order_by(ClientRow.client_id)).all()
    if not found:
        return ()
    secrets: dict[int, list[ClientSecret]] = {}
    for row in connection.execute(
        select(ClientSecretRow)
        .join_from(ClientSecretRow, ClientRow, ClientSecretRow.client_key == ClientRow.key)
        .where(condition)
        .order_by(ClientSecretRow.created_at, ClientSecretRow.id)
    ):
        secrets.setdefault(row.client_key, []).append(read_secret(row))
    return tuple(_read_client(row, secrets.get(row.key, ())) for row in found)


def _read_client(row: Row[*tuple[Any, ...]], secrets: Iterable[ClientSecret]) -> Client:
    return Client(
        key=ClientKey(row.key),
        client_id=ClientId(row.client_id),
        name=row.name,
        type=ClientType(row.type),
        grant_types=frozenset(GrantType(grant_type) for grant_type in row.grant_types),
        auth_method=AuthMethod(row.auth_method),
        may_use_offline_access=row.may_use_offline_access,
        default_audience=None if row.default_audience_id is None else AudienceId(row.default_audience_id),
        tenant_id=row.tenant_id,
        access_token_max_seconds=row.access_token_max_seconds,
        service=None if row.service_id is None else ServiceId(row.service_id),
        state=ClientState(row.state),
        secrets=tuple(secrets),
        created_at=row.created_at,
        version=row.version,
    )


def _values(client: Client) -> dict[str, Any]:  # Any: values of columns of several types
    return {
        "name": client.name,
        "type": client.type.value,
        "grant_types": sorted(grant_type.value for grant_type in client.grant_types),
        "auth_method": client.auth_method.value,
        "may_use_offline_access": client.may_use_offline_access,
        "default_audience_id": client.default_audience,
        "tenant_id": client.tenant_id,
        "access_token_max_seconds": client.access_token_max_seconds,
        "service_id": client.service,
        "state": client.state.value,
    }
