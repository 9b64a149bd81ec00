"""Wrong passwords in a row: by canonical name and network, and by name alone (an empty network)."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.auth_failure import Failures
from issuer.store import batches
from issuer.store.tables import SignInFailureRow

ANYWHERE = ""

_KEY = ("canonical", "network")
_COLUMNS = (SignInFailureRow.canonical, SignInFailureRow.network)


def list_failures(connection: Connection, canonical: str, network: str) -> dict[str, Failures]:
    """Return what is counted for a name from a network and from anywhere, by network."""
    return _read(connection, _counts(canonical, network))


def hold_failures(connection: Connection, canonical: str, network: str, now: int) -> dict[str, Failures]:
    """Return the same, and let nobody else count for this name until the end of the transaction.

    Counts that are not there yet begin with nothing.
    """
    rows = [
        {"canonical": canonical, "network": each, "failures": 0, "last_at": now}
        for each in sorted({ANYWHERE, network})
    ]
    connection.execute(_HOLD[connection.dialect.name], rows)
    # SQLite's writing transactions run one after the other; there is nothing to lock there.
    return _read(connection, _counts(canonical, network).with_for_update())


def change_failures(connection: Connection, canonical: str, network: str, failures: Failures) -> None:
    """Write a count that is held."""
    row = SignInFailureRow
    connection.execute(
        update(row)
        .where(row.canonical == canonical, row.network == network)
        .values(failures=failures.count, last_at=failures.last_at)
    )


def remove_counts(connection: Connection, canonical: str, networks: Iterable[str]) -> None:
    """Forget the counts of a name from some networks."""
    row = SignInFailureRow
    connection.execute(delete(row).where(row.canonical == canonical, row.network.in_(list(networks))))


def remove_failures(connection: Connection, before: int, limit: int) -> int:
    """Forget up to `limit` counts that last changed before an epoch second; return how many."""
    return batches.remove_batch(connection, _COLUMNS, SignInFailureRow.last_at < before, limit)


def remove_oldest(connection: Connection, most: int) -> int:
    """Forget the oldest counts beyond `most`, so that nobody grows the table at will; return how many."""
    return batches.remove_oldest(connection, _COLUMNS, SignInFailureRow.last_at, most)


def _counts(canonical: str, network: str) -> Select[*tuple[Any, ...]]:  # Any: the types of the columns
    row = SignInFailureRow
    return (
        select(row.network, row.failures, row.last_at)
        .where(row.canonical == canonical, row.network.in_([network, ANYWHERE]))
        .order_by(row.network)
    )


def _read(connection: Connection, counts: Select[*tuple[Any, ...]]) -> dict[str, Failures]:
    return {row.network: Failures(row.failures, row.last_at) for row in connection.execute(counts)}


def _hold(insert: sqlite.Insert | postgresql.Insert) -> sqlite.Insert | postgresql.Insert:
    # Written back as it is: on PostgreSQL that alone locks a row that somebody else may remove.
    unchanged = {"failures": SignInFailureRow.failures}
    return insert.on_conflict_do_update(index_elements=_KEY, set_=unchanged)


_HOLD = {
    "sqlite": _hold(sqlite.insert(SignInFailureRow)),
    "postgresql": _hold(postgresql.insert(SignInFailureRow)),
}
