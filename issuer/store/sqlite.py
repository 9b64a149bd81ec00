"""SQLite: what its connections need, and turns for those that write.

SQLite lets one writer in at a time. Whoever finds it busy would sleep, longer each time up to a tenth of
a second, and be passed over by everyone who comes just when it is free: beside a few busy threads some
waited two seconds in vain. So the threads of one process stand in line, and of each process only the
first asks, often.
"""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from sqlalchemy import Connection, Engine, event

from issuer.errors import TemporarilyUnavailable

_BUSY_MILLISECONDS: Final = 2000
_ASK_EVERY_MILLISECONDS: Final = 1
_TURNS: Final = "issuer_turns"


def prepare_engine(engine: Engine) -> None:
    """Attach what is done for each new connection, and make the line of writers; once for an engine."""
    event.listen(engine, "do_connect", _make_for_owner)
    event.listen(engine, "connect", _set_pragmas)
    engine.update_execution_options(**{_TURNS: threading.Lock()})


@contextmanager
def turn(engine: Engine) -> Iterator[None]:
    """Wait until no other thread of this process writes; raises TemporarilyUnavailable after two seconds."""
    turns: threading.Lock = engine.get_execution_options()[_TURNS]
    if not turns.acquire(timeout=_BUSY_MILLISECONDS / 1000):
        raise TemporarilyUnavailable("other threads wrote for too long")
    try:
        yield
    finally:
        turns.release()


def begin_writing(connection: Connection) -> None:
    """Begin a transaction that writes; raises OperationalError if another process writes for too long."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, sqlite3.Connection):
        raise TypeError("a connection of another driver")
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


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    # busy_timeout first: the others may already meet a lock.
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_MILLISECONDS}")
    cursor.execute("PRAGMA foreign_keys=ON")
    # FULL: an acknowledged answer survives power loss.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()
