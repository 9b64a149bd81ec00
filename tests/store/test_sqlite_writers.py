"""Writers of a process share a transaction: a step stands or falls by itself, the commit for all."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from unittest.mock import Mock

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from issuer.errors import TemporarilyUnavailable
from issuer.store import db, sqlite
from issuer.store.tables import RegistryVersionRow

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ENOUGH_SECONDS = 60
_NO_WAIT = threading.Event()


class Writer:
    """Raises the version in a thread of its own. fails: whether it raises when that is written."""

    def __init__(self, engine: db.Engine, *, fails: bool = False) -> None:
        self._engine = engine
        self._fails = fails

    def __call__(self) -> int:
        """Return the version that it made."""
        with db.writing(self._engine) as connection:
            raised = update(RegistryVersionRow).values(version=RegistryVersionRow.version + 1)
            version = connection.execute(raised.returning(RegistryVersionRow.version)).scalar_one()
            if self._fails:
                raise KeyError
        return version


@pytest.fixture
def commits(engine: db.Engine) -> list[int]:
    """Give a list that grows with each commit."""
    seen: list[int] = []
    event.listen(engine, "commit", lambda _connection: seen.append(1))
    return seen


@contextmanager
def _in_line(engine: db.Engine, *writers: Writer) -> Iterator[list[Future[int]]]:
    """Let writers stand in line, in this order, behind the block."""
    line = engine.get_execution_options()["issuer_writers"]
    with ThreadPoolExecutor(len(writers)) as pool, db.writing(engine):
        futures = []
        for number, writer in enumerate(writers, start=1):
            futures.append(pool.submit(writer))
            _wait_until(lambda number=number: line._waiting == number)
        yield futures


def _wait_until(holds: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not holds():
        if time.monotonic() - began > ENOUGH_SECONDS:
            pytest.fail("it never came true")
        _NO_WAIT.wait(0.001)


def _version(engine: db.Engine) -> int:
    with db.reading(engine) as connection:
        return connection.execute(select(RegistryVersionRow.version)).scalar_one()


def test_those_in_line_share_one_commit(engine: db.Engine, commits: list[int]) -> None:
    with _in_line(engine, *[Writer(engine)] * 3) as futures:
        before = len(commits)

    assert sorted(future.result() for future in futures) == [2, 3, 4]
    assert len(commits) - before == 1
    assert _version(engine) == 4


@pytest.mark.parametrize("which", [0, 1, 2])
def test_step_that_raises_undoes_its_own_alone(engine: db.Engine, which: int) -> None:
    writers = [Writer(engine, fails=number == which) for number in range(3)]

    with _in_line(engine, *writers) as futures:
        pass

    with pytest.raises(KeyError):
        futures[which].result()
    assert _version(engine) == 3


def test_first_step_that_raises_leaves_the_others_alone(engine: db.Engine) -> None:
    with pytest.raises(KeyError), _in_line(engine, *[Writer(engine)] * 3) as futures:
        raise KeyError

    assert sorted(future.result() for future in futures) == [2, 3, 4]


def test_nobody_is_told_that_it_is_done_when_the_commit_fails(engine: db.Engine) -> None:
    def fail(_connection: db.Connection) -> None:
        raise OperationalError("COMMIT", {}, Exception("the disk is full"))

    def write_all() -> list[Future[int]]:
        with _in_line(engine, *[Writer(engine)] * 3) as futures:
            event.listen(engine, "commit", fail)
            started.extend(futures)
        return futures

    started: list[Future[int]] = []
    with pytest.raises(TemporarilyUnavailable):
        write_all()

    event.remove(engine, "commit", fail)
    assert [type(future.exception()) for future in started] == [TemporarilyUnavailable] * 3
    assert _version(engine) == 1
    assert Writer(engine)() == 2


def test_refused_steps_do_not_keep_others_from_their_commit(engine: db.Engine) -> None:
    """Whoever is refused comes again at once: a stream of them must not hold back what was written."""

    def refuse_until_committed() -> None:
        while not committed.is_set():
            with suppress(KeyError):
                Writer(engine, fails=True)()

    committed = threading.Event()
    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(refuse_until_committed)
        writer = threading.Thread(target=lambda: [Writer(engine)() for _ in range(50)], daemon=True)
        writer.start()
        writer.join(ENOUGH_SECONDS)
        has_ended = not writer.is_alive()
        committed.set()

    assert has_ended


@pytest.mark.parametrize("raised", [KeyError, KeyboardInterrupt])
def test_line_goes_on_when_a_step_loses_the_connection(
    engine: db.Engine, raised: type[BaseException]
) -> None:
    """SQLAlchemy gives up a connection when whoever uses it is interrupted."""

    def lose_it() -> None:
        with db.writing(engine) as connection:
            connection.invalidate()
            raise raised

    with pytest.raises(TemporarilyUnavailable), _in_line(engine, Writer(engine), lose_it) as futures:
        pass

    assert isinstance(futures[1].exception(ENOUGH_SECONDS), raised)
    # The writer may have come before it or after.
    done = 1 if futures[0].exception(ENOUGH_SECONDS) is None else 0
    assert Writer(engine)() == 2 + done


def test_step_that_cannot_begin_undoes_no_other(engine: db.Engine) -> None:
    """Undoing must not reach the savepoint of the step before."""
    line = engine.get_execution_options()["issuer_writers"]

    with pytest.raises(TemporarilyUnavailable), _in_line(engine, *[Writer(engine)] * 3) as futures:
        line._open.driver = _refusing_third_savepoint(line._open.driver)
    failures = [future.exception(ENOUGH_SECONDS) for future in futures]

    assert {type(failure) for failure in failures} == {TemporarilyUnavailable}
    assert _version(engine) == 1


def _refusing_third_savepoint(driver: sqlite3.Connection) -> Mock:
    seen: list[str] = []

    def execute(sql: str) -> sqlite3.Cursor:
        seen.append(sql)
        if seen.count("SAVEPOINT step") == 3:
            raise sqlite3.OperationalError("out of memory")
        return driver.execute(sql)

    return Mock(execute=execute, in_transaction=True)


def test_nobody_is_told_that_it_is_done_when_sqlite_undid_it(engine: db.Engine) -> None:
    """A full disk undoes the whole transaction, even if a step makes nothing of the error."""

    def swallow() -> None:
        with db.writing(engine) as connection:
            connection.connection.dbapi_connection.execute("ROLLBACK")

    with pytest.raises(TemporarilyUnavailable), _in_line(engine, Writer(engine), swallow) as futures:
        pass

    assert isinstance(futures[1].exception(ENOUGH_SECONDS), TemporarilyUnavailable)
    # The writer may have come before it or after.
    done = 1 if futures[0].exception(ENOUGH_SECONDS) is None else 0
    assert _version(engine) == 1 + done


def test_line_and_lock_are_waited_for_once(engine: db.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes: who waits in line for most of the time has little left for the lock."""
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 2)
    line = engine.get_execution_options()["issuer_writers"]
    waited = []

    def write() -> None:
        began = time.monotonic()
        with suppress(TemporarilyUnavailable):
            Writer(engine)()
        waited.append(time.monotonic() - began)

    with closing(sqlite3.connect(engine.url.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        threads = [threading.Thread(target=write) for _ in range(2)]
        threads[0].start()
        _wait_until(line._turn.locked)
        _NO_WAIT.wait(1)
        threads[1].start()
        for thread in threads:
            thread.join()

    # Twice would be three seconds.
    assert max(waited) < 2.8


def test_line_goes_on_when_the_database_cannot_be_opened(
    engine: db.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse() -> None:
        raise OperationalError("BEGIN", {}, Exception("away"))

    with monkeypatch.context() as patch:
        patch.setattr(engine.pool, "connect", refuse)
        with pytest.raises(TemporarilyUnavailable):
            Writer(engine)()

    assert Writer(engine)() == 2
