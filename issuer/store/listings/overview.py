"""What the registry holds, in numbers, and what runs out."""

from sqlalchemy import Connection, and_, func, select

from issuer.model.overview import Counts, LastSecret
from issuer.model.usage import ISSUED
from issuer.store.listings.use import first_hour
from issuer.store.tables import (
    AudienceRow,
    ClientRow,
    ClientSecretRow,
    PermissionRow,
    ServiceRow,
    UsageRow,
    UsageTotalRow,
)

_ACTIVE = "active"
_REMOVED = "removed"


def find_counts(connection: Connection, now: int) -> Counts:
    """Return the numbers, the issuer's own and what is removed left out; two statements."""
    is_own = and_(ServiceRow.is_builtin.is_(False), ServiceRow.state != _REMOVED)
    numbers = {
        "services": select(func.count()).select_from(ServiceRow).where(is_own),
        "audiences": select(func.count())
        .select_from(AudienceRow)
        .join(ServiceRow, ServiceRow.id == AudienceRow.service_id)
        .where(ServiceRow.is_builtin.is_(False), AudienceRow.state != _REMOVED),
        "clients": select(func.count()).select_from(ClientRow).where(ClientRow.state != _REMOVED),
        "permissions": select(func.count())
        .select_from(PermissionRow)
        .where(PermissionRow.is_revoked.is_(False)),
        "ever_issued": select(func.coalesce(func.sum(UsageTotalRow.count), 0)).where(
            UsageTotalRow.outcome == ISSUED
        ),
    }
    found = connection.execute(
        select(*(each.scalar_subquery().label(name) for name, each in numbers.items()))
    ).one()
    since = first_hour(now)
    is_issued = UsageRow.outcome == ISSUED
    recent = connection.execute(
        select(
            func.coalesce(func.sum(UsageRow.count).filter(is_issued), 0).label("issued"),
            func.coalesce(func.sum(UsageRow.count).filter(~is_issued), 0).label("refused"),
        ).where(UsageRow.hour >= since)
    ).one()
    return Counts(
        services=found.services,
        audiences=found.audiences,
        clients=found.clients,
        permissions=found.permissions,
        has_issued=found.ever_issued > 0,
        issued_in_a_day=int(recent.issued),
        refused_in_a_day=int(recent.refused),
    )


def list_last_secrets(connection: Connection, since: int, until: int, limit: int) -> tuple[LastSecret, ...]:
    """Return active clients whose last secret ends within a span, the soonest first; one statement."""
    secret = ClientSecretRow
    ends_at = func.max(secret.expires_at)
    found = connection.execute(
        select(ClientRow.client_id, ClientRow.name, ends_at.label("ends_at"))
        .join(secret, secret.client_key == ClientRow.key)
        .where(ClientRow.state == _ACTIVE, secret.revoked_at.is_(None))
        .group_by(ClientRow.key, ClientRow.client_id, ClientRow.name)
        # One without an end is good for ever.
        .having(func.count(secret.expires_at) == func.count(), ends_at > since, ends_at <= until)
        .order_by(ends_at, ClientRow.client_id)
        .limit(limit)
    )
    return tuple(LastSecret(row.client_id, row.name, row.ends_at) for row in found)
