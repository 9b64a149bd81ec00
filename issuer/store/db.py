"""The database: one engine, and how a transaction begins on it.

SQLite's driver would begin transactions late and as readers: with its default, four processes
lost three of four updates without an error. So the driver is told to begin nothing by itself,
and the `begin` listener says which kind of transaction this is: BEGIN IMMEDIATE for those opened
by `writing`, BEGIN for all others.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from issuer.errors import TemporarilyUnavailable
from issuer.store import postgresql, sqlite
from issuer.store.presence import Presence
from issuer.store.tables import Base

# Engine, Session and Connection are named from here on the floors above, which know no SQLAlchemy.
__all__ = [
    "Connection",
    "Engine",
    "Session",
    "begin_reading",
    "begin_writing",
    "db",
    "engine_options",
    "is_writing",
    "looking",
    "make_url_of",
    "prepare_engine",
    "reading",
    "start_lock",
    "unavailable_as_refusal",
    "writing",
]

_WRITES = "issuer_writes"
_START_WAIT_SECONDS = 60
_START_LOCK = 0x1550E1

db = SQLAlchemy(metadata=Base.metadata)


def make_url_of(text: str) -> URL:
    """Return the database URL with the driver this program uses.

    text: `sqlite:///…`, `postgresql://…` or `postgres://…`; both of the latter are taken as psycopg 3.
    """
    url = make_url(text)
    if url.drivername in {"postgres", "postgresql"}:
        return url.set(drivername="postgresql+psycopg")
    return url


def engine_options(url: URL, pool_size: int) -> dict[str, Any]:
    """Return the engine's options: no wait for a connection, a statement or a lock over 2 seconds."""
    options: dict[str, Any] = {  # create_engine's own keyword arguments
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": postgresql.WAIT_SECONDS,
        # SQLAlchemy would print values in its log lines and errors: a secret sent as client_id is one.
        "hide_parameters": True,
    }
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"isolation_level": None, "check_same_thread": False}
        if url.database in {None, "", ":memory:"}:
            options = {"connect_args": options["connect_args"], "hide_parameters": True}
    else:
        options["connect_args"] = postgresql.connect_arguments()
    return options


def prepare_engine(engine: Engine) -> None:
    """Attach what the database needs, and what is known of it; once, before anything is asked of it."""
    Presence.prepare_engine(engine)
    if engine.dialect.name != "sqlite":
        postgresql.prepare_engine(engine)
        return
    sqlite.prepare_engine(engine)
    event.listen(engine, "begin", _begin)


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that only reads, all of it as of one moment.

    Raises TemporarilyUnavailable if the database is away: at once, where `looking` has found that it is.
    """
    Presence.of(engine).demand()
    with _reading(engine) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes and commits at its end; raises as `reading` does."""
    Presence.of(engine).demand()
    is_sqlite = engine.dialect.name == "sqlite"
    with unavailable_as_refusal():
        opened = _shared_transaction(engine) if is_sqlite else _own_transaction(engine)
        with opened as connection:
            yield connection


@contextmanager
def looking(engine: Engine) -> Iterator[Connection]:
    """Open a transaction as `reading` does, and learn from it whether the database is there.

    For the one thread that looks: everyone else would wait seconds to find out for himself.
    """
    presence = Presence.of(engine)
    try:
        with _reading(engine) as connection:
            if engine.dialect.name != "sqlite":
                postgresql.be_impatient(connection)
            yield connection
    except TemporarilyUnavailable as refusal:
        presence.note_failure(refusal.__cause__)
        raise
    presence.is_away = False


def begin_reading(session: Session) -> None:
    """Begin the session's transaction as one that only reads. What it read before is forgotten."""
    session.rollback()
    session.connection(execution_options=_at_one_moment(session.get_bind().dialect.name))


def begin_writing(session: Session) -> None:
    """Begin the session's transaction as one that writes. What the session read before is forgotten."""
    session.rollback()
    session.connection(execution_options={_WRITES: True})


def is_writing(connection: Connection) -> bool:
    """Return whether the connection's transaction was opened as one that writes."""
    return bool(connection.get_execution_options().get(_WRITES))


@contextmanager
def start_lock(engine: Engine) -> Iterator[None]:
    """Hold PostgreSQL's advisory lock for first-start work; whoever comes second waits."""
    with unavailable_as_refusal(), engine.begin() as connection:
        postgresql.be_patient(connection, _START_WAIT_SECONDS)
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_START_LOCK})")
        yield


@contextmanager
def unavailable_as_refusal() -> Iterator[None]:
    """Turn what a database that is away, busy or full raises into TemporarilyUnavailable."""
    try:
        yield
    except (OperationalError, PoolTimeoutError) as error:
        raise TemporarilyUnavailable(type(error).__name__) from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise TemporarilyUnavailable(type(error).__name__) from error
        raise


@contextmanager
def _reading(engine: Engine) -> Iterator[Connection]:
    with unavailable_as_refusal(), engine.connect() as connection:
        yield connection.execution_options(**_at_one_moment(engine.dialect.name))


def _at_one_moment(dialect: str) -> dict[str, str]:
    # PostgreSQL's default shows each statement another moment, and one value takes several statements;
    # SQLite's transactions know no other way.
    return {} if dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}


def _shared_transaction(engine: Engine) -> AbstractContextManager[Connection]:
    return sqlite.shared_transaction(engine, lambda: _connect_to_write(engine))


@contextmanager
def _own_transaction(engine: Engine) -> Iterator[Connection]:
    with _connect_to_write(engine) as connection, connection.begin():
        yield connection


def _connect_to_write(engine: Engine) -> Connection:
    return engine.connect().execution_options(**{_WRITES: True})


def _begin(connection: Connection) -> None:
    if is_writing(connection):
        sqlite.begin_writing(connection)
    else:
        connection.exec_driver_sql("BEGIN")
