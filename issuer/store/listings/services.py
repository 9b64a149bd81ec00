"""The list of services. Four statements."""

from sqlalchemy import Connection, func, select

from issuer.model.list_row import ServiceRow as ListRow
from issuer.model.listing import ListQuery, Page
from issuer.model.service import ServiceState
from issuer.store.listings import paging
from issuer.store.listings.paging import Listing, SortColumn
from issuer.store.services import SERVICE_COLUMNS, read_service
from issuer.store.tables import AudienceRow, ClientRow, ServiceRow, TrustGroupRow

_AUDIENCES = (
    select(func.count())
    .where(AudienceRow.service_id == ServiceRow.id, AudienceRow.state != "removed")
    .scalar_subquery()
)
_CLIENTS = (
    select(func.count())
    .where(ClientRow.service_id == ServiceRow.id, ClientRow.state != "removed")
    .scalar_subquery()
)
_LISTING = Listing(
    name="services",
    source=select(ServiceRow.id).outerjoin_from(
        ServiceRow, TrustGroupRow, ServiceRow.trust_group_id == TrustGroupRow.id
    ),
    tie=SortColumn(ServiceRow.id, int),
    sorts={
        "name": paging.folded(ServiceRow.name),
        "owner": paging.folded(ServiceRow.owner),
        "state": SortColumn(ServiceRow.state, str),
        "created": paging.number(ServiceRow.created_at),
        "audiences": paging.number(_AUDIENCES),
        "clients": paging.number(_CLIENTS),
    },
    searched=(ServiceRow.name, ServiceRow.owner),
    filters={
        "state": paging.state_of(ServiceRow.state, {state.value: state.value for state in ServiceState}),
        "owner": paging.exactly(ServiceRow.owner),
        "trust_group": paging.exactly(TrustGroupRow.name),
    },
    hidden={"state": ServiceRow.state != ServiceState.REMOVED.value},
)


def list_page(connection: Connection, query: ListQuery) -> Page[ListRow]:
    """Return a page of services; raises InvalidValue as `paging.find_page` does.

    Sorted by name, owner, state, created, audiences or clients; filtered by state, owner and trust_group.
    """
    found = paging.find_page(connection, _LISTING, query)
    rows = {
        row.service_key: ListRow(read_service(row), row.audiences, row.clients)
        for row in connection.execute(
            select(*SERVICE_COLUMNS, _AUDIENCES.label("audiences"), _CLIENTS.label("clients"))
            .outerjoin_from(ServiceRow, TrustGroupRow, ServiceRow.trust_group_id == TrustGroupRow.id)
            .where(ServiceRow.id.in_(found.keys))
        )
    }
    return found.page(tuple(rows[key] for key in found.keys))
