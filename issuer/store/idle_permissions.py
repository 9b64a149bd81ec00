"""Idle permissions: granted long ago and not used since. The database chooses: of thousands, few may be.

Those by which nobody could get a token are left out: of clients and audiences that are closed.
"""

from typing import Final

from sqlalchemy import ColumnElement, Connection, exists, select

from issuer.model.audience import AudienceId
from issuer.model.client import ClientId, ClientKey, ClientState
from issuer.model.permission import IdlePermission
from issuer.model.spelling import SpellingRole
from issuer.model.usage import ISSUED
from issuer.store import audiences
from issuer.store.tables import AudienceRow, ClientRow, IdentifierRow, PermissionRow, ServiceRow, UsageRow

_HOUR_SECONDS: Final = 3600


def list_on_audience(connection: Connection, audience_id: AudienceId, since: int) -> list[IdlePermission]:
    """Return the permissions on an audience that are older than `since` and were not used after it.

    since: epoch seconds. In any order; one statement.
    """
    return _list_where(connection, PermissionRow.audience_id == audience_id, since)


def list_of_client(connection: Connection, client_key: ClientKey, since: int) -> list[IdlePermission]:
    """Return the permissions of a client that are older than `since` and were not used after it.

    since: epoch seconds. In any order; one statement.
    """
    return _list_where(connection, PermissionRow.client_key == client_key, since)


def _list_where(connection: Connection, of: ColumnElement[bool], since: int) -> list[IdlePermission]:
    rows = connection.execute(
        select(
            ClientRow.client_id, PermissionRow.audience_id, IdentifierRow.identifier, PermissionRow.created_at
        )
        .join_from(PermissionRow, ClientRow, PermissionRow.client_key == ClientRow.key)
        .join(AudienceRow, PermissionRow.audience_id == AudienceRow.id)
        .join(ServiceRow, AudienceRow.service_id == ServiceRow.id)
        .join(IdentifierRow, IdentifierRow.audience_id == AudienceRow.id)
        .where(
            of,
            PermissionRow.is_revoked.is_(False),
            PermissionRow.created_at <= since,
            ClientRow.state == ClientState.ACTIVE.value,
            audiences.IS_ISSUING,
            IdentifierRow.role == SpellingRole.PRIMARY.value,
            ~exists().where(
                UsageRow.client_key == PermissionRow.client_key,
                UsageRow.audience_id == PermissionRow.audience_id,
                UsageRow.outcome == ISSUED,
                UsageRow.last_at > since,
                # Which no count of an earlier hour is: the index leads past them.
                UsageRow.hour > since - _HOUR_SECONDS,
            ),
        )
    )
    return [
        IdlePermission(ClientId(client_id), AudienceId(audience_id), identifier, granted_at)
        for client_id, audience_id, identifier, granted_at in rows.all()
    ]
