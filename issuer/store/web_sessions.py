"""Web sessions, found by the hash of the secret that a browser holds."""

from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select, update

from issuer.model.user import UserId
from issuer.model.web_session import ABSOLUTE_SECONDS, IDLE_SECONDS, WebSession
from issuer.store import batches
from issuer.store.tables import WebSessionRow


def find_session(connection: Connection, secret_hash: bytes) -> WebSession | None:
    """Return the session of a secret, live or not, or None."""
    row = connection.execute(_sessions().where(WebSessionRow.secret_hash == secret_hash)).one_or_none()
    return None if row is None else _read(row)


def find_session_by_id(connection: Connection, session_id: int) -> WebSession | None:
    """Return the session of an id, live or not, or None."""
    row = connection.execute(_sessions().where(WebSessionRow.id == session_id)).one_or_none()
    return None if row is None else _read(row)


def list_live(connection: Connection, now: int, user_id: UserId | None = None) -> tuple[WebSession, ...]:
    """Return the live sessions of a user, or of everyone, the one that was used last first."""
    row = WebSessionRow
    statement = _sessions().where(
        row.ended_at.is_(None),
        row.last_seen_at > now - IDLE_SECONDS,
        row.created_at > now - ABSOLUTE_SECONDS,
    )
    if user_id is not None:
        statement = statement.where(row.user_id == user_id)
    found = connection.execute(statement.order_by(row.last_seen_at.desc(), row.id.desc()))
    return tuple(_read(each) for each in found)


def add_session(connection: Connection, session: WebSession, secret_hash: bytes) -> int:
    """Add a session and return its id; that of `session` is not looked at."""
    result = connection.execute(
        insert(WebSessionRow)
        .values(
            secret_hash=secret_hash,
            user_id=session.user_id,
            created_at=session.created_at,
            last_seen_at=session.last_seen_at,
            stepped_up_at=session.stepped_up_at,
            address=session.address,
            user_agent=session.user_agent,
        )
        .returning(WebSessionRow.id)
    )
    return int(result.scalar_one())


def change_seen(connection: Connection, session_id: int, now: int) -> None:
    """Write that a session was used, unless it has ended."""
    connection.execute(
        update(WebSessionRow)
        .where(WebSessionRow.id == session_id, WebSessionRow.ended_at.is_(None))
        .values(last_seen_at=now)
    )


def change_stepped_up(connection: Connection, session_id: int, secret_hash: bytes, now: int) -> bool:
    """Write that the password was given again, and what the browser holds from now on.

    Returns whether the session had not ended.
    """
    result = connection.execute(
        update(WebSessionRow)
        .where(WebSessionRow.id == session_id, WebSessionRow.ended_at.is_(None))
        .values(secret_hash=secret_hash, stepped_up_at=now, last_seen_at=now)
    )
    return result.rowcount == 1


def change_ended(connection: Connection, session_id: int, now: int) -> bool:
    """End a session; return whether it had not ended yet."""
    result = connection.execute(
        update(WebSessionRow)
        .where(WebSessionRow.id == session_id, WebSessionRow.ended_at.is_(None))
        .values(ended_at=now)
    )
    return result.rowcount == 1


def change_all_ended(
    connection: Connection, user_id: UserId, now: int, *, but_session_id: int | None = None
) -> int:
    """End the sessions of a user, but one if it is named; return how many had not ended yet."""
    row = WebSessionRow
    statement = update(row).where(row.user_id == user_id, row.ended_at.is_(None)).values(ended_at=now)
    if but_session_id is not None:
        statement = statement.where(row.id != but_session_id)
    return int(connection.execute(statement).rowcount)


def remove_sessions(connection: Connection, before: int, limit: int) -> int:
    """Forget up to `limit` sessions that began before an epoch second; return how many."""
    return batches.remove_batch(connection, (WebSessionRow.id,), WebSessionRow.created_at < before, limit)


def _sessions() -> Select[*tuple[Any, ...]]:  # Any: the types of the columns
    row = WebSessionRow
    return select(
        row.id,
        row.user_id,
        row.created_at,
        row.last_seen_at,
        row.stepped_up_at,
        row.address,
        row.user_agent,
        row.ended_at,
    )


def _read(row: Row[*tuple[Any, ...]]) -> WebSession:  # Any: as in _sessions
    return WebSession(
        id=row.id,
        user_id=UserId(row.user_id),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        stepped_up_at=row.stepped_up_at,
        address=row.address,
        user_agent=row.user_agent,
        ended_at=row.ended_at,
    )
