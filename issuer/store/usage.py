"""Usage: counts by hour, client, audience, grant type and outcome."""

from collections.abc import Mapping

from sqlalchemy import Connection, and_, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.audience import AudienceId
from issuer.model.client import ClientKey
from issuer.model.usage import ISSUED, UsageKey, UsageSum, UsageTotal
from issuer.store import batches
from issuer.store.tables import UsageRow, UsageTotalRow

_KEY = ("hour", "client_key", "audience_id", "grant_type", "outcome")
_TOTAL_KEY = ("audience_id", "grant_type", "outcome")


def add_counts(connection: Connection, sums: Mapping[UsageKey, UsageSum]) -> None:
    """Add sums to what is counted under their keys, by hour and since ever; the later times win.

    Two statements. The keys are written in order, so that two processes never wait for each other in a
    circle.
    """
    rows = [
        {
            **{name: getattr(key, name) for name in _KEY},
            "count": total.count,
            "last_at": total.last_at,
            "max_exp": total.max_exp,
        }
        for key, total in sums.items()
    ]
    if rows:
        rows.sort(key=lambda row: [row[name] for name in _KEY])
        connection.execute(_UPSERTS[connection.dialect.name], rows)
        connection.execute(_TOTAL_UPSERTS[connection.dialect.name], _total_rows(sums))


def list_totals(connection: Connection) -> tuple[UsageTotal, ...]:
    """Return what was counted since ever; what `remove_counts` removed is still in it."""
    row = UsageTotalRow
    found = connection.execute(select(row.audience_id, row.grant_type, row.outcome, row.count, row.first_at))
    return tuple(UsageTotal(*each) for each in found)


def remove_counts(connection: Connection, before: int, limit: int) -> int:
    """Remove up to `limit` counts of hours that began before an epoch second; return how many."""
    key = [getattr(UsageRow, name) for name in _KEY]
    return batches.remove_batch(connection, key, UsageRow.hour < before, limit)


def list_last_issued(connection: Connection, since: int) -> dict[tuple[ClientKey, AudienceId], int]:
    """Return when each client last got a token for each audience, as far as that was after `since`.

    since: epoch seconds. One statement.
    """
    rows = connection.execute(
        select(UsageRow.client_key, UsageRow.audience_id, func.max(UsageRow.last_at))
        .where(UsageRow.last_at > since, UsageRow.outcome == ISSUED)
        .group_by(UsageRow.client_key, UsageRow.audience_id)
    ).all()
    # There may be ten thousand: columns by their places take half the time of those by their names.
    return {(ClientKey(client_key), AudienceId(of)): last_at for client_key, of, last_at in rows}


def find_last_issued(connection: Connection, audience_id: AudienceId) -> int | None:
    """Return when a token was last issued for an audience, None for never. Epoch seconds; one statement."""
    is_issued = and_(UsageRow.audience_id == audience_id, UsageRow.outcome == ISSUED)
    # Within the last hour of its use alone: the index leads there, past all the hours before.
    last_hour = select(func.max(UsageRow.hour)).where(is_issued).scalar_subquery()
    return connection.execute(
        select(func.max(UsageRow.last_at)).where(is_issued, UsageRow.hour == last_hour)
    ).scalar()


def _upsert(statement: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=_KEY,
        set_={
            "count": UsageRow.count + new.count,
            "last_at": case((new.last_at > UsageRow.last_at, new.last_at), else_=UsageRow.last_at),
            "max_exp": case((new.max_exp > UsageRow.max_exp, new.max_exp), else_=UsageRow.max_exp),
        },
    )


def _total_rows(sums: Mapping[UsageKey, UsageSum]) -> list[dict[str, int | str]]:
    counts: dict[tuple[int, str, str], tuple[int, int]] = {}
    for key, total in sums.items():
        of = (key.audience_id, key.grant_type, key.outcome)
        count, first_at = counts.get(of, (0, total.last_at))
        counts[of] = (count + total.count, min(first_at, total.last_at))
    return [
        {**dict(zip(_TOTAL_KEY, of, strict=True)), "count": count, "first_at": first_at}
        for of, (count, first_at) in sorted(counts.items())
    ]


def _total_upsert(statement: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    # first_at stays: it says in which order audiences were first used.
    return statement.on_conflict_do_update(
        index_elements=_TOTAL_KEY, set_={"count": UsageTotalRow.count + statement.excluded.count}
    )


_TOTAL_UPSERTS = {
    "sqlite": _total_upsert(sqlite.insert(UsageTotalRow)),
    "postgresql": _total_upsert(postgresql.insert(UsageTotalRow)),
}
_UPSERTS = {
    "sqlite": _upsert(sqlite.insert(UsageRow)),
    "postgresql": _upsert(postgresql.insert(UsageRow)),
}
