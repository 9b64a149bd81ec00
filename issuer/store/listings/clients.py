"""The list of clients. Seven statements."""

from sqlalchemy import Connection, Subquery, and_, func, or_, select

from issuer.errors import InvalidValue
from issuer.model.audience import AudienceState
from issuer.model.client import AuthMethod, ClientKey, ClientState, ClientType, GrantType
from issuer.model.list_row import ClientRow as ListRow
from issuer.model.listing import ListQuery, Page
from issuer.model.service import ServiceState
from issuer.store import clients
from issuer.store.listings import in_list, paging, use
from issuer.store.listings.paging import Condition, Listing, SortColumn, Statement
from issuer.store.tables import AudienceRow, ClientRow, ClientSecretRow, PermissionRow, ServiceRow

# Not by a join: the few that are closed are looked up once, and not each audience for each permission.
_CLOSED = (
    select(AudienceRow.id)
    .join_from(AudienceRow, ServiceRow, AudienceRow.service_id == ServiceRow.id)
    .where(
        or_(
            AudienceRow.state.not_in((AudienceState.ACTIVE.value, AudienceState.DEPRECATED.value)),
            ServiceRow.state != ServiceState.ACTIVE.value,
        )
    )
    # The service that the client itself speaks for is another one.
    .correlate(None)
)
_ISSUES = and_(PermissionRow.is_revoked.is_(False), PermissionRow.audience_id.not_in(_CLOSED))


def list_page(connection: Connection, query: ListQuery, now: int) -> Page[ListRow]:
    """Return a page of clients; raises InvalidValue as `paging.find_page` does.

    Sorted by client_id, name, type, state, created, audiences, tokens (of 24 hours) or last_used (by the
    hour); filtered by state, type, grant_type, auth_method, service (spoken for), tenant_id and finding
    (those that a statement can tell: no-permission, no-secret).
    """
    found = paging.find_page(connection, _listing(connection, now), query)
    by_key = {one.key: one for one in clients.list_clients_of(connection, found.keys)}
    audiences = _count_audiences(connection, found.keys)
    uses = use.list_uses(connection, *use.OF_CLIENTS, found.keys, now)
    rows = zip(found.keys, uses, strict=True)
    return found.page(
        tuple(ListRow(by_key[ClientKey(key)], audiences.get(key, 0), used) for key, used in rows)
    )


def _listing(connection: Connection, now: int) -> Listing:
    counted, owner = use.OF_CLIENTS
    summed = {"audiences": _audiences_by_client(), "tokens": use.tokens_by(counted, use.first_hour(now))}
    source: Statement = select(ClientRow.key).outerjoin_from(
        ClientRow, ServiceRow, ClientRow.service_id == ServiceRow.id
    )
    grant_types = {grant_type.value for grant_type in GrantType}

    def has_grant_type(sent: str) -> Condition:
        if sent not in grant_types:
            raise InvalidValue(f"this filter takes one of {', '.join(sorted(grant_types))}")
        return in_list.holds_any(connection, ClientRow.grant_types, [sent])

    return Listing(
        name="clients",
        source=source,
        tie=SortColumn(ClientRow.key, int),
        sorts={
            "name": paging.folded(ClientRow.name),
            "client_id": paging.folded(ClientRow.client_id),
            "type": SortColumn(ClientRow.type, str),
            "state": SortColumn(ClientRow.state, str),
            "created": paging.number(ClientRow.created_at),
            "audiences": paging.number(summed["audiences"].c.number),
            "tokens": paging.number(summed["tokens"].c.number),
            "last_used": paging.number(use.last_hour(counted, owner)),
        },
        searched=(ClientRow.client_id, ClientRow.name),
        filters=_FILTERS | {"grant_type": has_grant_type, "finding": paging.holding(_find_found(now))},
        hidden={"state": ClientRow.state != ClientState.REMOVED.value},
        sums=summed,
    )


def _find_found(now: int) -> dict[str, Condition]:
    """Return what policy/lint finds, as far as a statement can tell; the rest takes reading every row."""
    is_active = ClientRow.state == ClientState.ACTIVE.value
    usable = select(ClientSecretRow.client_key).where(
        ClientSecretRow.revoked_at.is_(None),
        or_(ClientSecretRow.expires_at.is_(None), ClientSecretRow.expires_at > now),
    )
    return {
        "no-permission": and_(
            is_active,
            ClientRow.service_id.is_(None),
            ClientRow.key.not_in(select(PermissionRow.client_key).where(_ISSUES)),
        ),
        "no-secret": and_(is_active, ClientRow.key.not_in(usable)),
    }


def _audiences_by_client() -> Subquery:
    return (
        select(PermissionRow.client_key.label("key"), func.count().label("number"))
        .where(_ISSUES)
        .group_by(PermissionRow.client_key)
        .subquery()
    )


def _count_audiences(connection: Connection, keys: tuple[int, ...]) -> dict[int, int]:
    rows = connection.execute(
        select(PermissionRow.client_key, func.count())
        .where(PermissionRow.client_key.in_(keys), _ISSUES)
        .group_by(PermissionRow.client_key)
    )
    return {row[0]: row[1] for row in rows}


_FILTERS = {
    "state": paging.state_of(ClientRow.state, {state.value: state.value for state in ClientState}),
    "type": paging.one_of(ClientRow.type, {kind.value: kind.value for kind in ClientType}),
    "auth_method": paging.one_of(ClientRow.auth_method, {one.value: one.value for one in AuthMethod}),
    "service": paging.exactly(ServiceRow.name),
    "tenant_id": paging.exactly(ClientRow.tenant_id),
}
