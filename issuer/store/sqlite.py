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

from issuer.errors import TemporarilyUnavailable

_BUSY_MILLISECONDS: Final = 2000
_ASK_EVERY_MILLISECONDS: Final = 1
_WRITERS: Final = "issuer_writers"

Open = Callable[[], Connection]


@dataclass(slots=True)
class _Shared:
    """A transaction that several threads write in, one after the other."""

    connection: Connection
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

    @contextmanager
    def step(self, connect: Open) -> Iterator[Connection]:
        """Give the connection for one step; it is committed when this ends, or undone if it raises."""
        self._enter()
        try:
            shared = self._open = self._open or _begin(connect)
        except BaseException:
            self._turn.release()
            raise
        try:
            if shared.has_steps:
                _driver(shared.connection).execute("SAVEPOINT step")
            yield shared.connection
        except BaseException:
            self._undo(shared)
            raise
        shared.has_steps = True
        self._leave(shared)
        shared.is_over.wait()
        if not shared.is_committed:
            raise TemporarilyUnavailable("what was written together was not committed")

    def _enter(self) -> None:
        with self._door:
            self._waiting += 1
        has_turn = self._turn.acquire(timeout=_BUSY_MILLISECONDS / 1000)
        with self._door:
            self._waiting -= 1
            # Whoever saw this one in line may have left the transaction to it just now.
            has_turn = has_turn or self._turn.acquire(blocking=False)
        if not has_turn:
            raise TemporarilyUnavailable("other threads wrote for too long")

    def _leave(self, shared: _Shared) -> None:
        with self._door:
            if self._waiting:
                self._turn.release()
                return
        self._end(shared, commits=True)

    def _undo(self, shared: _Shared) -> None:
        if not shared.has_steps:
            self._end(shared, commits=False)
            return
        try:
            _driver(shared.connection).execute("ROLLBACK TO step")
        except sqlite3.Error:
            # SQLite has undone all of it by itself, as it does when the disk is full.
            self._end(shared, commits=False)
        else:
            self._leave(shared)

    def _end(self, shared: _Shared, *, commits: bool) -> None:
        self._open = None
        try:
            with shared.connection:
                if commits:
                    _commit(shared)
        finally:
            self._turn.release()
            shared.is_over.set()


def prepare_engine(engine: Engine) -> None:
    """Attach what is done for each new connection, and make the line of writers; once for an engine."""
    event.listen(engine, "do_connect", _make_for_owner)
    event.listen(engine, "connect", _set_pragmas)
    engine.update_execution_options(**{_WRITERS: _Writers()})


@contextmanager
def shared_transaction(engine: Engine, connect: Open) -> Iterator[Connection]:
    """Open a transaction that writes, or go on in one that others of this process have not committed yet.

    connect: opens a connection that begins with `begin_writing`. Committed when this ends.
    Raises TemporarilyUnavailable after two seconds in line, OperationalError as `begin_writing` does.
    """
    writers: _Writers = engine.get_execution_options()[_WRITERS]
    with writers.step(connect) as connection:
        yield connection


def begin_writing(connection: Connection) -> None:
    """Begin a transaction that writes; raises OperationalError if another process writes for too long."""
    driver = _driver(connection)
    driver.execute("PRAGMA busy_timeout=0")
    try:
        if not _ask(driver):
            # Once more, as SQLAlchemy does it: its errors are what others expect.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
    finally:
        driver.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")


def _ask(driver: sqlite3.Connection) -> bool:
    never = threading.Event()
    for _ in range(_BUSY_MILLISECONDS // _ASK_EVERY_MILLISECONDS):
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                return False
            never.wait(_ASK_EVERY_MILLISECONDS / 1000)
        else:
            return True
    return False


def _make_for_owner(_dialect: object, _record: object, arguments: list[str], _options: object) -> None:
    # SQLite would make the file readable to everyone; what it puts beside it has the file's own mode.
    # Only a file that is not there: to open and close one that is would take SQLite's locks from it.
    path = arguments[0]
    if path != ":memory:":
        with suppress(OSError):
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def _begin(connect: Open) -> _Shared:
    connection = connect()
    try:
        connection.begin()
    except BaseException:
        connection.close()
        raise
    return _Shared(connection)


def _commit(shared: _Shared) -> None:
    try:
        shared.connection.commit()
        shared.is_committed = True
    finally:
        if not shared.is_committed:
            # Nobody knows what is still open in it.
            shared.connection.invalidate()


def _driver(connection: Connection) -> sqlite3.Connection:
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("a connection of another driver")
    return driver


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    # busy_timeout first: the others may already meet a lock.
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    # FULL: an acknowledged answer survives power loss.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
