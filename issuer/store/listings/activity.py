"""Counts of an audience or a client by hour and outcome, and what hangs on it."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, func, select

from issuer.model.audience import AudienceId
from issuer.model.client import ClientKey
from issuer.model.usage import ISSUED
from issuer.store.listings import families, in_list
from issuer.store.tables import FamilyRow, PermissionRow, RefusalRow, UsageRow

_HOUR_SECONDS: Final = 3600

Counts = dict[tuple[str, int], int]


def list_client_counts(connection: Connection, key: ClientKey, since: int) -> Counts:
    """Return how often each came since an hour began, by outcome and hour. One statement."""
    return _count(connection, UsageRow.client_key == key, since)


def list_audience_counts(connection: Connection, audience_id: AudienceId, since: int) -> Counts:
    """Return how many tokens were issued since an hour began, and how many refusals are kept.

    By outcome and hour. Two statements.
    """
    hour = RefusalRow.at - RefusalRow.at % _HOUR_SECONDS
    refused = connection.execute(
        select(RefusalRow.error, hour, func.sum(RefusalRow.left_out + 1))
        .where(RefusalRow.audience_id == audience_id, RefusalRow.at >= since)
        .group_by(RefusalRow.error, hour)
    )
    counts = {(row[0], row[1]): int(row[2]) for row in refused}
    issued = and_(UsageRow.audience_id == audience_id, UsageRow.outcome == ISSUED)
    return counts | _count(connection, issued, since)


def count_client_families(connection: Connection, key: ClientKey, now: int) -> int:
    """Return how many families of a client still give tokens."""
    return _count_families(connection, FamilyRow.client_key == key, now)


def count_audience_families(
    connection: Connection,
    audience_ids: Collection[AudienceId],
    spellings: Collection[str],
    now: int,
    client_key: ClientKey | None = None,
) -> int:
    """Return how many families still give tokens for any of some audiences.

    spellings: all that the audiences ever had: a family keeps those of its time. client_key: only of that
    client. None but those who have or had a permission can hold one.
    """
    if not audience_ids:
        return 0
    holders = select(PermissionRow.client_key).where(PermissionRow.audience_id.in_(audience_ids))
    is_of = (
        FamilyRow.client_key == client_key if client_key is not None else FamilyRow.client_key.in_(holders)
    )
    return _count_families(
        connection, is_of & in_list.holds_any(connection, FamilyRow.granted_aud, spellings), now
    )


def _count(connection: Connection, of: ColumnElement[bool], since: int) -> Counts:
    rows = connection.execute(
        select(UsageRow.outcome, UsageRow.hour, func.sum(UsageRow.count))
        .where(of, UsageRow.hour >= since)
        .group_by(UsageRow.outcome, UsageRow.hour)
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


def _count_families(connection: Connection, of: ColumnElement[bool], now: int) -> int:
    return connection.execute(
        select(func.count()).select_from(FamilyRow).where(of, families.is_live(now))
    ).scalar_one()
