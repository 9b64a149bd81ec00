"""Durations of token requests since ever, summed over all processes."""

from collections.abc import Mapping

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.duration import DurationSum
from issuer.store.tables import TokenDurationRow


def add_durations(connection: Connection, sums: Mapping[int, DurationSum]) -> None:
    """Add sums to those under their bounds, in one statement.

    sums: by bound (model.duration). They are written in order, so that two processes never wait for each
    other in a circle.
    """
    rows = [
        {"up_to_microseconds": bound, "count": each.count, "sum_microseconds": each.sum_microseconds}
        for bound, each in sorted(sums.items())
    ]
    if rows:
        connection.execute(_UPSERTS[connection.dialect.name], rows)


def list_durations(connection: Connection) -> dict[int, DurationSum]:
    """Return the sums by bound; a bound that nothing came under yet is absent."""
    row = TokenDurationRow
    found = connection.execute(select(row.up_to_microseconds, row.count, row.sum_microseconds))
    return {bound: DurationSum(count, microseconds) for bound, count, microseconds in found}


def _upsert(statement: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    row, new = TokenDurationRow, statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["up_to_microseconds"],
        set_={
            "count": row.count + new.count,
            "sum_microseconds": row.sum_microseconds + new.sum_microseconds,
        },
    )


_UPSERTS = {
    "sqlite": _upsert(sqlite.insert(TokenDurationRow)),
    "postgresql": _upsert(postgresql.insert(TokenDurationRow)),
}
