"""Usage: counts by hour, client, audience, grant type and outcome."""

from collections.abc import Mapping

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.audience import AudienceId
from issuer.model.client import ClientKey
from issuer.model.usage import ISSUED, UsageKey, UsageSum
from issuer.store.tables import UsageRow

_KEY = ("hour", "client_key", "audience_id", "grant_type", "outcome")


def add_counts(connection: Connection, sums: Mapping[UsageKey, UsageSum]) -> None:
    """Add sums to what is counted under their keys, in one statement; the later times win.

    The keys are written in order, so that two processes never wait for each other in a circle.
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


def list_last_issued(connection: Connection, since: int) -> dict[tuple[ClientKey, AudienceId], int]:
    """Return when each client last got a token for each audience, as far as that was after `since`.

    since: epoch seconds. One statement.
    """
    rows = connection.execute(
        select(UsageRow.client_key, UsageRow.audience_id, func.max(UsageRow.last_at).label("last_at"))
        .where(UsageRow.last_at > since, UsageRow.outcome == ISSUED)
        .group_by(UsageRow.client_key, UsageRow.audience_id)
    )
    return {(ClientKey(row.client_key), AudienceId(row.audience_id)): row.last_at for row in rows}


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


_UPSERTS = {
    "sqlite": _upsert(sqlite.insert(UsageRow)),
    "postgresql": _upsert(postgresql.insert(UsageRow)),
}
