"""Who has fetched the published keys: few rows, the oldest go."""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, case, select
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.jwks_fetch import FetchKey, FetchSum, JwksFetch
from issuer.store import batches
from issuer.store.tables import JwksFetchRow

MOST_KEPT: Final = 200

_KEY = ("document", "user_agent")
_COLUMNS = (JwksFetchRow.document, JwksFetchRow.user_agent)


def add_fetches(connection: Connection, sums: Mapping[FetchKey, FetchSum]) -> None:
    """Add sums to what is counted under their keys, and remove the oldest rows where there are too many.

    The keys are written in order, so that two processes never wait for each other in a circle.
    """
    rows = [
        {**key._asdict(), "first_at": one.first_at, "last_at": one.last_at, "count": one.count}
        for key, one in sorted(sums.items())
    ]
    if rows:
        connection.execute(_UPSERTS[connection.dialect.name], rows)
        batches.remove_oldest(connection, _COLUMNS, JwksFetchRow.last_at, MOST_KEPT)


def list_fetches(connection: Connection, document: int) -> tuple[JwksFetch, ...]:
    """Return who has fetched a document, the last first."""
    row = JwksFetchRow
    found = connection.execute(
        select(row.document, row.user_agent, row.first_at, row.last_at, row.count)
        .where(row.document == document)
        .order_by(row.last_at.desc(), row.user_agent)
    )
    return tuple(JwksFetch(*each) for each in found)


def remove_fetches(connection: Connection, before: int, limit: int) -> int:
    """Forget up to `limit` user agents that last came before an epoch second; return how many."""
    return batches.remove_batch(connection, _COLUMNS, JwksFetchRow.last_at < before, limit)


def _upsert(statement: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    row, new = JwksFetchRow, statement.excluded
    return statement.on_conflict_do_update(
        index_elements=_KEY,
        set_={
            "count": row.count + new.count,
            "first_at": case((new.first_at < row.first_at, new.first_at), else_=row.first_at),
            "last_at": case((new.last_at > row.last_at, new.last_at), else_=row.last_at),
        },
    )


_UPSERTS = {
    "sqlite": _upsert(sqlite.insert(JwksFetchRow)),
    "postgresql": _upsert(postgresql.insert(JwksFetchRow)),
}
