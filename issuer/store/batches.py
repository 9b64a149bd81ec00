"""Removing in batches: a few hundred rows a transaction, so that nobody waits long for them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, func, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute


def remove_batch(
    connection: Connection,
    key: Sequence[InstrumentedAttribute[int] | InstrumentedAttribute[str]],
    is_over: ColumnElement[bool],
    limit: int,
) -> int:
    """Remove up to `limit` rows of which a condition holds; return how many.

    key: the columns of the primary key. Rows that somebody holds just now are left for the next time.
    """
    # Two statements: PostgreSQL may run a subquery with a limit more than once, and then over it.
    # SQLite knows no FOR UPDATE, and needs none: its writing transactions run one after the other.
    found = connection.execute(select(*key).where(is_over).limit(limit).with_for_update(skip_locked=True))
    keys = [tuple(row) for row in found]
    if keys:
        connection.execute(delete(key[0].class_).where(tuple_(*key).in_(keys)))
    return len(keys)


def remove_oldest(
    connection: Connection,
    key: Sequence[InstrumentedAttribute[int] | InstrumentedAttribute[str]],
    last_at: InstrumentedAttribute[int],
    most: int,
) -> int:
    """Remove the oldest rows of a table beyond `most`, so that nobody grows it at will; return how many.

    key: as for `remove_batch`. last_at: the column that says how old a row is.
    """
    excess = connection.execute(select(func.count()).select_from(key[0].class_)).scalar_one() - most
    if excess <= 0:
        return 0
    oldest = select(last_at).order_by(last_at).offset(excess - 1).limit(1)
    cut = connection.execute(oldest).scalar_one()
    return remove_batch(connection, key, last_at <= cut, excess)
