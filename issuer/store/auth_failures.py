"""Failed client authentications: one row for a client and network, and one for the network as a whole."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.auth_failure import WINDOW_SECONDS, FailureKey, Failures, Unwritten
from issuer.store import batches
from issuer.store.tables import AuthFailureRow

_KEY = ("client_key", "network")
_COLUMNS = (AuthFailureRow.client_key, AuthFailureRow.network)


def add_failures(connection: Connection, counted: Mapping[FailureKey, Unwritten]) -> None:
    """Add what was counted, as `policy.lockout.add` does: a success or a pause begins from nothing.

    At most two statements. The keys are written in order, so that two processes never wait for each
    other in a circle.
    """
    for is_anew in (True, False):
        rows = [
            {**key._asdict(), "failures": one.failures.count, "last_at": one.failures.last_at}
            for key, one in sorted(counted.items())
            if one.is_anew is is_anew
        ]
        if rows:
            connection.execute(_UPSERTS[connection.dialect.name, is_anew], rows)


def list_failures(connection: Connection, since: int, limit: int) -> dict[FailureKey, Failures]:
    """Return up to `limit` counts that changed since an epoch second, the newest first."""
    row = AuthFailureRow
    found = connection.execute(
        select(row.client_key, row.network, row.failures, row.last_at)
        .where(row.last_at >= since)
        .order_by(row.last_at.desc())
        .limit(limit)
    )
    return {
        FailureKey(each.client_key, each.network): Failures(each.failures, each.last_at) for each in found
    }


def remove_failures(connection: Connection, before: int, limit: int) -> int:
    """Forget up to `limit` counts that last changed before an epoch second; return how many."""
    return batches.remove_batch(connection, _COLUMNS, AuthFailureRow.last_at < before, limit)


def remove_oldest(connection: Connection, most: int) -> int:
    """Forget the oldest counts beyond `most`, so that nobody grows the table at will; return how many."""
    return batches.remove_oldest(connection, _COLUMNS, AuthFailureRow.last_at, most)


def _upsert(insert: sqlite.Insert | postgresql.Insert, *, is_anew: bool) -> sqlite.Insert | postgresql.Insert:
    row, new = AuthFailureRow, insert.excluded
    is_over = func.abs(new.last_at - row.last_at) > WINDOW_SECONDS
    added = {
        "failures": case((is_over, new.failures), else_=row.failures + new.failures),
        "last_at": case((is_over | (new.last_at > row.last_at), new.last_at), else_=row.last_at),
    }
    replaced = {"failures": new.failures, "last_at": new.last_at}
    return insert.on_conflict_do_update(index_elements=_KEY, set_=replaced if is_anew else added)


def _upserts() -> Iterable[tuple[tuple[str, bool], sqlite.Insert | postgresql.Insert]]:
    for is_anew in (True, False):
        yield ("sqlite", is_anew), _upsert(sqlite.insert(AuthFailureRow), is_anew=is_anew)
        yield ("postgresql", is_anew), _upsert(postgresql.insert(AuthFailureRow), is_anew=is_anew)


_UPSERTS = dict(_upserts())
