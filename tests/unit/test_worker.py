"""The thread of a serving process: it never ends by itself, and writes what is left when told to stop."""

import logging
import threading
from collections.abc import Callable

import pytest

from issuer import worker
from issuer.errors import TemporarilyUnavailable
from issuer.worker import Worker

ENOUGH_SECONDS = 60


class Steps:
    """What a worker is told to do at each look, and how far it got.

    outcomes: what each look raises, None for nothing; after the last, looks succeed.
    """

    def __init__(self, *outcomes: Exception | None) -> None:
        self.looks = 0
        self.writes = 0
        self.passed = threading.Event()
        self._outcomes = list(outcomes)

    def look(self) -> None:
        """Count a look and raise what it is told; `passed` is set two looks after the last told."""
        self.looks += 1
        if self.looks > len(self._outcomes) + 1:
            self.passed.set()
        if self.looks <= len(self._outcomes) and (outcome := self._outcomes[self.looks - 1]) is not None:
            raise outcome

    def write(self) -> None:
        """Count a write."""
        self.writes += 1


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[Steps], None]:
    """Give a function that runs a worker through its steps, fast, and stops it."""
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.001)

    def through(steps: Steps) -> None:
        made = Worker(steps.look, steps.write)
        made.start()
        assert steps.passed.wait(ENOUGH_SECONDS)
        made.stop()

    return through


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [
        (record.levelname, record.getMessage()) for record in caplog.records if record.name == "issuer.worker"
    ]


def test_looks_often_enough_for_a_change_to_take_effect_within_a_second() -> None:
    assert worker.LOOK_SECONDS == 0.4


def test_stop_writes_what_is_left() -> None:
    steps = Steps()
    made = Worker(steps.look, steps.write)
    made.start()
    made.stop()

    assert steps.looks == 0
    assert steps.writes == 1


def test_stop_waits_for_the_write_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a write has taken out of memory would be lost with its thread."""
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.001)
    began, written = threading.Event(), []

    def write() -> None:
        if not began.is_set():
            began.set()
            threading.Event().wait(0.2)
        written.append(threading.current_thread().name)

    made = Worker(lambda: None, write)
    made.start()
    assert began.wait(ENOUGH_SECONDS)
    made.stop()

    assert written == ["issuer-worker", threading.current_thread().name]


def test_stop_tries_to_write_more_than_once() -> None:
    """Several processes that stop at once wait for each other's rows, perhaps for too long."""
    outcomes = iter([True, True])
    written = []

    def write() -> None:
        if next(outcomes, False):
            raise TemporarilyUnavailable("OperationalError")
        written.append(1)

    made = Worker(lambda: None, write)
    made.start()
    made.stop()

    assert written == [1]


def test_stop_answers_though_nothing_can_be_written(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise TemporarilyUnavailable("OperationalError")

    made = Worker(lambda: None, fail)
    made.start()
    made.stop()

    assert told(caplog) == [("WARNING", "the database is away: OperationalError")]


def test_fault_does_not_end_the_thread(run: Callable, caplog: pytest.LogCaptureFixture) -> None:
    run(Steps(RuntimeError("a secret in the text"), KeyError("another")))

    [first, second] = told(caplog)
    assert first[0] == "ERROR"
    assert first[1].startswith("the worker thread failed: RuntimeError at test_worker.py:")
    assert second[1].startswith("the worker thread failed: KeyError at test_worker.py:")
    assert "secret" not in caplog.text


def test_database_that_goes_and_comes_is_told_once_each(
    run: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    run(Steps(*(TemporarilyUnavailable("OperationalError") for _ in range(3))))

    assert told(caplog) == [
        ("WARNING", "the database is away: OperationalError"),
        ("WARNING", "the database is back"),
    ]


def test_every_outage_is_told(run: Callable, caplog: pytest.LogCaptureFixture) -> None:
    away = TemporarilyUnavailable("OperationalError")
    run(Steps(away, None, away))

    assert [message for _, message in told(caplog)] == [
        "the database is away: OperationalError",
        "the database is back",
        "the database is away: OperationalError",
        "the database is back",
    ]


def test_nothing_is_written_while_looks_fail(run: Callable) -> None:
    steps = Steps(*(TemporarilyUnavailable("OperationalError") for _ in range(9)))
    steps.write_at_look: list[int] = []
    steps.write = lambda: steps.write_at_look.append(steps.looks)
    run(steps)

    assert min(steps.write_at_look) > 9


def test_upkeep_comes_again_and_keeps_no_look_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """An upkeep may take minutes; a change of the registry takes effect within a second."""
    monkeypatch.setattr(worker, "UPKEEP_SECONDS", 0.001)
    steps, released, runs = Steps(*[None] * 5), threading.Event(), []

    def upkeep(is_to_go_on: Callable[[], bool]) -> None:
        runs.append(is_to_go_on())
        if len(runs) == 2:
            released.wait(ENOUGH_SECONDS)

    made = Worker(steps.look, steps.write, upkeep)
    made.start()

    assert steps.passed.wait(ENOUGH_SECONDS)
    released.set()
    made.stop()
    assert runs[:2] == [True, True]


def test_upkeep_is_told_to_end_with_its_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "UPKEEP_SECONDS", 0.001)
    began, ended = threading.Event(), threading.Event()

    def upkeep(is_to_go_on: Callable[[], bool]) -> None:
        began.set()
        while is_to_go_on():
            pass
        ended.set()

    made = Worker(lambda: None, lambda: None, upkeep)
    made.start()
    assert began.wait(ENOUGH_SECONDS)
    made.stop()

    assert ended.is_set()


def test_upkeep_that_fails_is_told_and_comes_again(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "UPKEEP_SECONDS", 0.001)
    again, runs = threading.Event(), []

    def upkeep(is_to_go_on: Callable[[], bool]) -> None:
        runs.append(1)
        if len(runs) == 1:
            raise TemporarilyUnavailable("OperationalError")
        again.set()

    made = Worker(lambda: None, lambda: None, upkeep)
    made.start()
    assert again.wait(ENOUGH_SECONDS)
    made.stop()

    assert told(caplog)[0] == ("WARNING", "the database is away: OperationalError")


def test_database_that_can_be_read_but_not_written_is_told_once_each(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(worker, "LOOK_SECONDS", 0.001)
    is_written = threading.Event()
    outcomes = iter([True, True, True])

    def write() -> None:
        if next(outcomes, False):
            raise TemporarilyUnavailable("OperationalError")
        is_written.set()

    made = Worker(lambda: None, write)
    made.start()
    assert is_written.wait(ENOUGH_SECONDS)
    made.stop()

    assert [message for _, message in told(caplog)] == [
        "the database is away: OperationalError",
        "the database is back",
    ]
