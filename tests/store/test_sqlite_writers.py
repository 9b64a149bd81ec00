"""Writers of a process share a transaction: a step stands or falls by itself, the commit for all."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from issuer.errors import TemporarilyUnavailable
from issuer.store import db
from issuer.store.tables import RegistryVersionRow

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

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
    for _ in range(5000):
        if holds():
            return
        _NO_WAIT.wait(0.001)
    pytest.fail("it never came true")


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
