"""How much audiences and clients were used, for the rows of a page."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, ScalarSelect, Subquery, func, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from issuer.model.list_row import Use
from issuer.model.usage import ISSUED
from issuer.store.tables import AudienceRow, ClientRow, UsageRow

HOUR_SECONDS: Final = 3600
_HOURS: Final = 24

Column = InstrumentedAttribute[int]


def first_hour(now: int) -> int:
    """Return the beginning of the first of the 24 hours that rows tell of."""
    return now - now % HOUR_SECONDS - (_HOURS - 1) * HOUR_SECONDS


def list_uses(
    connection: Connection, counted: Column, owner: Column, keys: Sequence[int], now: int
) -> list[Use]:
    """Return how much each was used, in the order of the keys. Two statements.

    counted: the column of usage that holds the keys; owner: the key of their own table.
    """
    if not keys:
        return []
    since = first_hour(now)
    hourly: dict[int, list[int]] = {key: [0] * _HOURS for key in keys}
    for key, hour, count in connection.execute(
        select(counted, UsageRow.hour, func.sum(UsageRow.count))
        .where(counted.in_(keys), UsageRow.outcome == ISSUED, UsageRow.hour >= since)
        .group_by(counted, UsageRow.hour)
    ):
        place = (hour - since) // HOUR_SECONDS
        # A process whose clock is ahead may have begun another hour.
        if place < _HOURS:
            hourly[key][place] = int(count)
    last = connection.execute(select(owner, _last_at(counted, owner)).where(owner.in_(keys)))
    last_at: dict[int, int | None] = {row[0]: row[1] for row in last}
    return [Use(tuple(hourly[key]), last_at.get(key)) for key in keys]


def last_hour(counted: Column, owner: Column) -> ScalarSelect[int]:
    """Return the expression for the last hour in which a token was issued: to sort by."""
    return (
        select(func.max(UsageRow.hour))
        .where(counted == owner, UsageRow.outcome == ISSUED)
        .correlate(owner.class_)
        .scalar_subquery()
    )


def tokens_by(counted: Column, since: int) -> Subquery:
    """Return the table of how many tokens were issued since an hour, `number` by `key`: to sort by.

    Summed once for all: for each row by itself it takes several times as long.
    """
    return (
        select(counted.label("key"), func.sum(UsageRow.count).label("number"))
        .where(UsageRow.outcome == ISSUED, UsageRow.hour >= since)
        .group_by(counted)
        .subquery()
    )


def last_hour_of_pair(client_key: Column, audience_id: Column) -> ScalarSelect[int]:
    """Return the expression for the last hour in which a client got a token for an audience: to sort by."""
    return (
        select(func.max(UsageRow.hour))
        .where(
            UsageRow.client_key == client_key,
            UsageRow.audience_id == audience_id,
            UsageRow.outcome == ISSUED,
        )
        .correlate(client_key.class_)
        .scalar_subquery()
    )


def last_at_of_pair(client_key: Column, audience_id: Column) -> ScalarSelect[int]:
    """Return the expression for when a client last got a token for an audience."""
    each = aliased(UsageRow)
    return (
        select(func.max(each.last_at))
        .where(
            each.client_key == client_key,
            each.audience_id == audience_id,
            each.outcome == ISSUED,
            each.hour == last_hour_of_pair(client_key, audience_id),
        )
        .correlate(client_key.class_)
        .scalar_subquery()
    )


def _last_at(counted: Column, owner: Column) -> ScalarSelect[int]:
    # Within the last hour of its use alone: the index leads there, past all the hours before.
    each = aliased(UsageRow)
    same = each.audience_id if counted is UsageRow.audience_id else each.client_key
    return (
        select(func.max(each.last_at))
        .where(same == owner, each.outcome == ISSUED, each.hour == last_hour(counted, owner))
        .correlate(owner.class_)
        .scalar_subquery()
    )


OF_AUDIENCES: Final = (UsageRow.audience_id, AudienceRow.id)
OF_CLIENTS: Final = (UsageRow.client_key, ClientRow.key)
