"""SQLite: what its connections need, and the one transaction that writers of a process share.

SQLite lets one writer in at a time. Whoever finds it busy would sleep, longer each time up to a tenth of
a second, and be passed over by everyone who comes just when it is free: beside a few busy threads some
waited two seconds in vain. So the threads of one process stand in line, and of each process only the
first asks, often.

What a commit costs is the wait for the disk. So whoever is done while others stand in line leaves the
commit to the last of them, and waits for it: what one has written the next one sees, and none of them
says that it is done before all of it is on the disk.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine, event

from issuer.clock import Stopwatch
from issuer.errors import TemporarilyUnavailable

# Steps that were undone count, too: else those who are refused and come again would hold back the others.
_MOST_STEPS: Final = 32

_BUSY_SECONDS: Final = 2
_ASK_EVERY_SECONDS: Final = 0.001
_WRITERS: Final = "issuer_writers"

Open = Callable[[], Connection]


@dataclass(slots=True)
class _Shared:
    """A transaction that several threads write in, one after the other.

    steps: how many have begun. has_steps: whether any is to be committed.
    """

    connection: Connection
    driver: sqlite3.Connection
    steps: int = 0
    has_steps: bool = False
    is_over: threading.Event = field(default_factory=threading.Event)
    is_committed: bool = False


class _Writers:
    """The line of those who write, and what the last of them has left open."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        # Guards the number of those in line: whoever leaves a transaction open must know that one comes.
        self._door = threading.Lock()
        self._waiting = 0
        self._open: _Shared | None = None
        # Kept from one transaction to the next, outside the pool: to fetch one costs more than to write.
        self._idle: tuple[Connection, sqlite3.Connection] | None = None

    @contextmanager
    def step(self, connect: Open) -> Iterator[Connection]:
        """Give the connection for one step; it is committed when this ends, or undone if it raises."""
        shared = self._enter(connect)
        try:
            yield shared.connection
        except BaseException:
            self._undo(shared)
            raise
        if not _is_open(shared):
            self._end(shared, commits=False)
            raise TemporarilyUnavailable("SQLite has undone what was written together")
        shared.has_steps = True
        self._leave(shared)
        shared.is_over.wait()
        if not shared.is_committed:
            raise TemporarilyUnavailable("what was written together was not committed")

    def _enter(self, connect: Open) -> _Shared:
        waited = Stopwatch()
        self._take_turn()
        try:
            shared = self._open = self._open or self._begin(connect, waited)
        except BaseException:
            self._turn.release()
            raise
        shared.steps += 1
        try:
            if shared.has_steps:
                shared.driver.execute("SAVEPOINT step")
        except sqlite3.Error as error:
            # To go back now would undo the step before.
            self._end(shared, commits=False)
            raise TemporarilyUnavailable(type(error).__name__) from error
        return shared

    def _take_turn(self) -> None:
        with self._door:
            self._waiting += 1
        has_turn = self._turn.acquire(timeout=_BUSY_SECONDS)
        with self._door:
            self._waiting -= 1
            # Whoever saw this one in line may have left the transaction to it just now.
            has_turn = has_turn or self._turn.acquire(blocking=False)
        if not has_turn:
            raise TemporarilyUnavailable("other threads wrote for too long")

    def _leave(self, shared: _Shared) -> None:
        with self._door:
            if self._waiting and shared.steps < _MOST_STEPS:
                self._turn.release()
                return
        self._end(shared, commits=True)

    def _undo(self, shared: _Shared) -> None:
        if _has_gone_back(shared):
            self._leave(shared)
        else:
            self._end(shared, commits=False)

    def _begin(self, connect: Open, waited: Stopwatch) -> _Shared:
        shared = _Shared(*(self._idle or _open_own(connect)))
        self._idle = None
        try:
            _begin_immediate(shared.driver, waited)
            shared.connection.begin()
        except BaseException:
            _drop(shared.connection, shared.driver)
            raise
        return shared

    def _end(self, shared: _Shared, *, commits: bool) -> None:
        self._open = None
        try:
            if commits:
                shared.connection.commit()
                shared.is_committed = True
            else:
                shared.connection.rollback()
        except BaseException:
            # Nobody knows what is still open in it.
            _drop(shared.connection, shared.driver)
            raise
        else:
            self._keep(shared)
        finally:
            self._turn.release()
            shared.is_over.set()

    def _keep(self, shared: _Shared) -> None:
        if shared.connection.invalidated:
            _drop(shared.connection, shared.driver)
        else:
            self._idle = shared.connection, shared.driver

    def forget(self) -> None:
        """Close the connection that is kept, as the engine closes those of its pool."""
        with self._turn:
            idle, self._idle = self._idle, None
        if idle is not None:
            _drop(*idle)


def prepare_engine(engine: Engine) -> None:
    """Attach what is done for each new connection, and make the line of writers; once for an engine."""
    event.listen(engine, "do_connect", _make_for_owner)
    event.listen(engine, "connect", _set_pragmas)
    writers = _Writers()
    event.listen(engine, "engine_disposed", lambda _engine: writers.forget())
    engine.update_execution_options(**{_WRITERS: writers})


@contextmanager
def shared_transaction(engine: Engine, connect: Open) -> Iterator[Connection]:
    """Open a transaction that writes, or go on in one that others of this process have not committed yet.

    connect: opens a connection that begins with `begin_writing`. Committed when this ends.
    Raises TemporarilyUnavailable after two seconds in line or before the lock, both together.
    """
    writers: _Writers = engine.get_execution_options()[_WRITERS]
    with writers.step(connect) as connection:
        yield connection


def begin_writing(connection: Connection) -> None:
    """Begin a transaction that writes; raises TemporarilyUnavailable if others write for too long."""
    driver = _driver(connection)
    if driver.in_transaction:
        # Those who stand in line have begun it.
        return
    driver.execute("PRAGMA busy_timeout=0")
    try:
        _begin_immediate(driver, Stopwatch())
    finally:
        driver.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")


def _begin_immediate(driver: sqlite3.Connection, waited: Stopwatch) -> None:
    never = threading.Event()
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            is_busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or waited.seconds >= _BUSY_SECONDS:
                raise TemporarilyUnavailable(type(error).__name__) from error
            never.wait(_ASK_EVERY_SECONDS)
        else:
            return


def _make_for_owner(_dialect: object, _record: object, arguments: list[str], _options: object) -> None:
    # SQLite would make the file readable to everyone; what it puts beside it has the file's own mode.
    # Only a file that is not there: to open and close one that is would take SQLite's locks from it.
    path = arguments[0]
    if path != ":memory:":
        with suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _open_own(connect: Open) -> tuple[Connection, sqlite3.Connection]:
    connection = connect()
    try:
        connection.detach()
        driver = _driver(connection)
        # Whoever stands in line asks by himself.
        driver.execute("PRAGMA busy_timeout=0")
    except BaseException:
        connection.close()
        raise
    return connection, driver


def _drop(connection: Connection, driver: sqlite3.Connection) -> None:
    with connection:
        if not connection.invalidated:
            connection.invalidate()
        driver.close()


def _is_open(shared: _Shared) -> bool:
    # SQLite undoes all of a transaction by itself, as it does when the disk is full; SQLAlchemy gives up
    # the connection of whoever is interrupted.
    return not shared.connection.invalidated and shared.driver.in_transaction


def _has_gone_back(shared: _Shared) -> bool:
    """Undo the last step alone; return whether that was possible and anything is left to commit."""
    if not shared.has_steps or not _is_open(shared):
        return False
    try:
        shared.driver.execute("ROLLBACK TO step")
    except sqlite3.Error:
        return False
    return True


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: object = connection.connection.dbapi_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("a connection of another driver")
    return driver


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    # busy_timeout first: the others may already meet a lock.
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_SECONDS * 1000}")
    cursor.execute("PRAGMA foreign_keys=ON")
    # FULL: an acknowledged answer survives power loss.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
