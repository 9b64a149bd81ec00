"""Services and their trust groups."""

from typing import Any

from sqlalchemy import Connection, Row, ScalarSelect, Select, insert, select, update

from issuer.model.service import Service, ServiceId, ServiceState
from issuer.store.tables import LARGEST_ID, ServiceRow, TrustGroupRow

# What `read_service` reads; labelled, so that a join with another table keeps them apart.
SERVICE_COLUMNS = (
    ServiceRow.id.label("service_key"),
    ServiceRow.name.label("service_name"),
    ServiceRow.owner.label("service_owner"),
    TrustGroupRow.name.label("trust_group"),
    ServiceRow.state.label("service_state"),
    ServiceRow.is_builtin.label("service_is_builtin"),
    ServiceRow.created_at.label("service_created_at"),
    ServiceRow.version.label("service_version"),
)


def find_service(connection: Connection, name: str) -> Service | None:
    """Return the service of that name, removed or not, or None."""
    row = connection.execute(_services().where(ServiceRow.name == name)).one_or_none()
    return None if row is None else read_service(row)


def find_service_by_id(connection: Connection, service_id: ServiceId) -> Service | None:
    """Return the service of that id, removed or not, or None."""
    if service_id > LARGEST_ID:
        return None
    row = connection.execute(_services().where(ServiceRow.id == service_id)).one_or_none()
    return None if row is None else read_service(row)


def list_services(connection: Connection) -> tuple[Service, ...]:
    """Return all services, removed ones included, by name."""
    return tuple(read_service(row) for row in connection.execute(_services().order_by(ServiceRow.name)))


def list_names(connection: Connection) -> tuple[str, ...]:
    """Return the names of all services, removed ones included, by name."""
    return tuple(row.name for row in connection.execute(select(ServiceRow.name).order_by(ServiceRow.name)))


def list_open_names(connection: Connection) -> tuple[str, ...]:
    """Return the names of the services that are neither removed nor the issuer itself, by name."""
    rows = connection.execute(
        select(ServiceRow.name)
        .where(ServiceRow.state != ServiceState.REMOVED.value, ServiceRow.is_builtin.is_(False))
        .order_by(ServiceRow.name)
    )
    return tuple(row.name for row in rows)


def add_service(connection: Connection, name: str, owner: str, trust_group: str | None, now: int) -> None:
    """Add an active service. trust_group: the name of one that is there, or None."""
    connection.execute(
        insert(ServiceRow).values(
            name=name,
            owner=owner,
            trust_group_id=_group_id(trust_group),
            state=ServiceState.ACTIVE.value,
            created_at=now,
        )
    )


def change_service(connection: Connection, service: Service) -> None:
    """Write a service's owner, trust group and state, and raise its version; its name stays.

    service.trust_group: the name of one that is there, or None.
    """
    connection.execute(
        update(ServiceRow)
        .where(ServiceRow.id == service.id)
        .values(
            owner=service.owner,
            trust_group_id=_group_id(service.trust_group),
            state=service.state.value,
            version=ServiceRow.version + 1,
        )
    )


def find_trust_group_owner(connection: Connection, name: str) -> str | None:
    """Return the owner of a trust group, None if there is no such group."""
    return connection.execute(
        select(TrustGroupRow.owner).where(TrustGroupRow.name == name)
    ).scalar_one_or_none()


def list_trust_groups(connection: Connection) -> tuple[tuple[str, str], ...]:
    """Return name and owner of every trust group, by name."""
    rows = connection.execute(select(TrustGroupRow.name, TrustGroupRow.owner).order_by(TrustGroupRow.name))
    return tuple((row.name, row.owner) for row in rows)


def add_trust_group(connection: Connection, name: str, owner: str, now: int) -> None:
    """Add a trust group."""
    connection.execute(insert(TrustGroupRow).values(name=name, owner=owner, created_at=now))


def read_service(row: Row[*tuple[Any, ...]]) -> Service:  # Any: any row with SERVICE_COLUMNS in it
    """Return the service in a row that holds SERVICE_COLUMNS."""
    return Service(
        id=ServiceId(row.service_key),
        name=row.service_name,
        owner=row.service_owner,
        trust_group=row.trust_group,
        state=ServiceState(row.service_state),
        is_builtin=row.service_is_builtin,
        created_at=row.service_created_at,
        version=row.service_version,
    )


def _group_id(name: str | None) -> ScalarSelect[int] | None:
    if name is None:
        return None
    return select(TrustGroupRow.id).where(TrustGroupRow.name == name).scalar_subquery()


def _services() -> Select[*tuple[Any, ...]]:  # Any: the types of SERVICE_COLUMNS
    return select(*SERVICE_COLUMNS).outerjoin_from(
        ServiceRow, TrustGroupRow, ServiceRow.trust_group_id == TrustGroupRow.id
    )
