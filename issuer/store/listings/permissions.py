"""The lists of permissions: who may ask for an audience, and what a client may ask for.

Seven and eight statements.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, Row, and_, select

from issuer.model.audience import Audience, AudienceId, AudienceState
from issuer.model.client import Client, ClientId, ClientState
from issuer.model.list_row import PermissionRow as ListRow
from issuer.model.listing import ListQuery, Page
from issuer.model.permission import Permission, PermittedSubject
from issuer.model.spelling import SpellingRole
from issuer.store import audiences, permissions
from issuer.store.listings import paging, use
from issuer.store.listings.paging import Condition, Found, Listing, SortColumn, Statement
from issuer.store.tables import AudienceRow, ClientRow, IdentifierRow, PermissionRow, ServiceRow

_LAST_USED = use.last_at_of_pair(PermissionRow.client_key, PermissionRow.audience_id)
_LAST_HOUR = use.last_hour_of_pair(PermissionRow.client_key, PermissionRow.audience_id)
_SUBJECTS = {subject.value: subject.value for subject in PermittedSubject}


def list_page_on(connection: Connection, audience: Audience, query: ListQuery) -> Page[ListRow]:
    """Return a page of what is permitted on an audience; raises InvalidValue as `paging.find_page` does.

    Sorted by client_id, name, granted or last_used; filtered by the client's state and by subject.
    """
    listing = _listing_of_clients(PermissionRow.audience_id == audience.id, f"on {audience.id}")
    found = paging.find_page(connection, listing, query)
    return _read_page(connection, found, [audience])


def list_page_of(connection: Connection, client: Client, query: ListQuery) -> Page[ListRow]:
    """Return a page of what is permitted to a client; raises InvalidValue as `paging.find_page` does.

    Sorted by identifier, service, granted or last_used; filtered by the audience's state, service, subject.
    """
    listing = _listing_of_audiences(PermissionRow.client_key == client.key, f"of {client.key}")
    found = paging.find_page(connection, listing, query)
    permitted = select(PermissionRow.audience_id).where(PermissionRow.id.in_(found.keys))
    known = audiences.list_audiences_where(connection, AudienceRow.id.in_(permitted))
    return _read_page(connection, found, known)


def _read_page(connection: Connection, found: Found, known: Sequence[Audience]) -> Page[ListRow]:
    by_id = {audience.id: audience for audience in known}
    rows = connection.execute(
        select(
            PermissionRow,
            ClientRow.client_id,
            ClientRow.name.label("client_name"),
            ClientRow.state.label("client_state"),
            ClientRow.access_token_max_seconds,
            _LAST_USED.label("last_used_at"),
        )
        .join_from(PermissionRow, ClientRow, PermissionRow.client_key == ClientRow.key)
        .where(PermissionRow.id.in_(found.keys))
    ).all()
    scopes, defaults = permissions.list_scopes_where(connection, PermissionRow.id.in_(found.keys))
    by_key = {
        row.id: _read(
            row, by_id[AudienceId(row.audience_id)], scopes.get(row.id, ()), defaults.get(row.id, ())
        )
        for row in rows
    }
    return found.page(tuple(by_key[key] for key in found.keys))


def _read(
    row: Row[*tuple[object, ...]], audience: Audience, scopes: Sequence[str], defaults: Sequence[str]
) -> ListRow:
    permission = Permission(
        client_id=ClientId(row.client_id),
        audience=audience,
        scopes=frozenset(scopes),
        default_scopes=frozenset(defaults),
        subject=PermittedSubject(row.subject),
        version=row.version,
    )
    return ListRow(
        permission=permission,
        client_id=permission.client_id,
        client_name=row.client_name,
        client_state=ClientState(row.client_state),
        access_token_max_seconds=row.access_token_max_seconds,
        granted_at=row.created_at,
        last_used_at=row.last_used_at,
    )


def _listing_of_clients(condition: Condition, name: str) -> Listing:
    return Listing(
        name=f"permissions {name}",
        source=select(PermissionRow.id)
        .join_from(PermissionRow, ClientRow, PermissionRow.client_key == ClientRow.key)
        .where(condition, PermissionRow.is_revoked.is_(False)),
        tie=SortColumn(PermissionRow.id, int),
        sorts={
            "name": paging.folded(ClientRow.name),
            "client_id": paging.folded(ClientRow.client_id),
            "granted": paging.number(PermissionRow.created_at),
            "last_used": paging.number(_LAST_HOUR),
        },
        searched=(ClientRow.client_id, ClientRow.name),
        filters={
            "state": paging.state_of(ClientRow.state, {state.value: state.value for state in ClientState}),
            "subject": paging.one_of(PermissionRow.subject, _SUBJECTS),
        },
        hidden={},
    )


def _listing_of_audiences(condition: Condition, name: str) -> Listing:
    source: Statement = (
        select(PermissionRow.id)
        .join_from(PermissionRow, AudienceRow, PermissionRow.audience_id == AudienceRow.id)
        .join(ServiceRow, AudienceRow.service_id == ServiceRow.id)
        .join(
            IdentifierRow,
            and_(
                IdentifierRow.audience_id == AudienceRow.id,
                IdentifierRow.role == SpellingRole.PRIMARY.value,
            ),
        )
        .where(condition, PermissionRow.is_revoked.is_(False))
    )
    return Listing(
        name=f"permissions {name}",
        source=source,
        tie=SortColumn(PermissionRow.id, int),
        sorts={
            "identifier": paging.folded(IdentifierRow.identifier),
            "service": paging.folded(ServiceRow.name),
            "granted": paging.number(PermissionRow.created_at),
            "last_used": paging.number(_LAST_HOUR),
        },
        searched=(IdentifierRow.identifier, AudienceRow.description, ServiceRow.name),
        filters={
            "state": paging.state_of(
                AudienceRow.state, {state.value: state.value for state in AudienceState}
            ),
            "service": paging.exactly(ServiceRow.name),
            "subject": paging.one_of(PermissionRow.subject, _SUBJECTS),
        },
        hidden={},
    )
