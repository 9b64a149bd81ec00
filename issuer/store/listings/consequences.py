"""What hangs on audiences, clients and permissions: counted, for who is about to close them."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from issuer.model.audience import AudienceId, AudienceState
from issuer.model.client import ClientKey, ClientState
from issuer.model.service import ServiceId
from issuer.model.usage import ISSUED
from issuer.store import audiences
from issuer.store.tables import AudienceRow, ClientRow, IdentifierRow, PermissionRow, ServiceRow, UsageRow

# For the floor above, which knows no SQLAlchemy.
Condition = ColumnElement[bool]

_ISSUING = (AudienceState.ACTIVE.value, AudienceState.DEPRECATED.value)


@dataclass(frozen=True, slots=True)
class Issued:
    """Tokens that were issued in a time and in the latter part of it. last_end: of their ends, 0 if none."""

    count: int
    recent_count: int
    last_end: int


def for_audiences(audience_ids: Collection[AudienceId]) -> Condition:
    """Return the condition on usage of some audiences."""
    return UsageRow.audience_id.in_(list(audience_ids))


def of_client(key: ClientKey) -> Condition:
    """Return the condition on usage of a client."""
    return UsageRow.client_key == key


def of_pair(key: ClientKey, audience_id: AudienceId) -> Condition:
    """Return the condition on usage of a client for an audience."""
    return and_(UsageRow.client_key == key, UsageRow.audience_id == audience_id)


def find_issued(
    connection: Connection, of: Condition, since: int, counted_since: int, recent_since: int
) -> Issued:
    """Return what was issued. of: a condition on usage.

    since: how far back ends of tokens are looked at; counted_since, recent_since: beginnings of hours.
    """
    row = connection.execute(
        select(
            func.sum(case((UsageRow.hour >= counted_since, UsageRow.count), else_=0)),
            func.sum(case((UsageRow.hour >= recent_since, UsageRow.count), else_=0)),
            func.max(UsageRow.max_exp),
        ).where(of, UsageRow.outcome == ISSUED, UsageRow.hour >= since)
    ).one()
    return Issued(*(int(each or 0) for each in row))


def list_issuing_ids(connection: Connection, service_id: ServiceId) -> tuple[AudienceId, ...]:
    """Return the audiences of a service for which tokens would be issued if the service is active."""
    found = connection.execute(
        select(AudienceRow.id).where(AudienceRow.service_id == service_id, AudienceRow.state.in_(_ISSUING))
    )
    return tuple(AudienceId(audience_id) for audience_id in found.scalars())


def list_spellings(connection: Connection, audience_ids: Collection[AudienceId]) -> tuple[str, ...]:
    """Return all identifiers that audiences have or had."""
    found = connection.execute(
        select(IdentifierRow.identifier).where(IdentifierRow.audience_id.in_(list(audience_ids)))
    )
    return tuple(found.scalars())


def permitted_at(audience_id: AudienceId) -> Condition:
    """Return the condition on permissions on an audience."""
    return PermissionRow.audience_id == audience_id


def permitted_at_service(service_id: ServiceId) -> Condition:
    """Return the condition on permissions on any audience of a service."""
    return PermissionRow.audience_id.in_(select(AudienceRow.id).where(AudienceRow.service_id == service_id))


def permitted_to(key: ClientKey) -> Condition:
    """Return the condition on permissions of a client."""
    return PermissionRow.client_key == key


def count_permissions(connection: Connection, of: Condition) -> int:
    """Return how many permissions stand, whatever the state of client and audience. of: a condition."""
    return connection.execute(
        select(func.count()).select_from(PermissionRow).where(of, PermissionRow.is_revoked.is_(False))
    ).scalar_one()


def count_clients(connection: Connection, audience_ids: Collection[AudienceId]) -> int:
    """Return how many active clients may ask for any of some audiences, whatever the state of those."""
    return connection.execute(
        select(func.count(PermissionRow.client_key.distinct()))
        .join_from(PermissionRow, ClientRow, PermissionRow.client_key == ClientRow.key)
        .where(
            PermissionRow.audience_id.in_(list(audience_ids)),
            PermissionRow.is_revoked.is_(False),
            ClientRow.state == ClientState.ACTIVE.value,
        )
    ).scalar_one()


def count_audiences(connection: Connection, key: ClientKey) -> int:
    """Return on how many audiences a client has a permission and tokens are issued, whatever its state."""
    return connection.execute(
        select(func.count())
        .join_from(PermissionRow, AudienceRow, PermissionRow.audience_id == AudienceRow.id)
        .join(ServiceRow, AudienceRow.service_id == ServiceRow.id)
        .where(
            PermissionRow.client_key == key,
            PermissionRow.is_revoked.is_(False),
            audiences.IS_ISSUING,
        )
    ).scalar_one()
