"""Leases: who does what only one may do at a time. Conditional statements, the same on every database.

A lease ends by itself, so whoever is killed while holding one keeps others off for a bounded time.
"""

from sqlalchemy import Connection, Update, select, update
from sqlalchemy.dialects import postgresql, sqlite

from issuer.store.tables import LeaseRow

_SKEW_SECONDS = 60


def add_holder(
    connection: Connection, name: str, holder: str, now: int, seconds: int, unless_done_after: int
) -> bool:
    """Take a lease for some seconds; returns whether it was to be had.

    It is not while somebody else holds it, or where its work was last done after `unless_done_after`;
    `now` means whenever that was. A clock that was set back must not keep it for ever: an end further
    away than any holder may ask for, on a machine whose clock is a little ahead, is none; so is work done
    later than that.
    """
    row = LeaseRow
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    is_free = (row.until <= now) | (row.until > now + seconds + _SKEW_SECONDS)
    latest = now + _SKEW_SECONDS if unless_done_after < now else now
    is_due = row.succeeded_at.is_(None) | ~row.succeeded_at.between(unless_done_after + 1, latest)
    taken = connection.execute(
        insert(row)
        .values(name=name, holder=holder, until=now + seconds)
        .on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": holder, "until": now + seconds},
            where=is_free & is_due,
        )
        .returning(row.name)
    )
    return taken.first() is not None


def change_until(connection: Connection, name: str, holder: str, until: int) -> bool:
    """Hold a lease until another time; returns False if somebody else has it by now.

    Nobody else takes it before the transaction ends.
    """
    changed = connection.execute(_held(name, holder).values(until=until))
    return changed.rowcount == 1


def change_done(connection: Connection, name: str, holder: str, now: int) -> bool:
    """Give a lease back, its work done; returns False if somebody else has it by now."""
    changed = connection.execute(_held(name, holder).values(until=0, succeeded_at=now))
    return changed.rowcount == 1


def find_succeeded_at(connection: Connection, name: str) -> int | None:
    """Return when the work under a lease was last done, None if it never was."""
    return connection.execute(select(LeaseRow.succeeded_at).where(LeaseRow.name == name)).scalar()


def _held(name: str, holder: str) -> Update:
    return update(LeaseRow).where(LeaseRow.name == name, LeaseRow.holder == holder)
