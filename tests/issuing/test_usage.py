"""Usage: sums by hour that lose nothing, whatever the threads and the database do."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, exc, select
from sqlalchemy.orm import Session

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.errors import TemporarilyUnavailable
from issuer.issuing.usage import UsageCounter
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.duration import DurationSum
from issuer.registry import clients
from issuer.registry.clients import NewClient
from issuer.registry.registrar import Registrar
from issuer.store import durations
from issuer.store import usage as store
from issuer.store.db import reading
from issuer.store.tables import ClientSecretRow, UsageRow
from tests.conftest import START

HOUR = START - START % 3600
ISSUED = ("client_credentials", "issued")


@pytest.fixture
def rows(engine: Engine) -> Callable[[], list[tuple]]:
    """Give a function that returns what is written: all columns, in their order."""

    def list_rows() -> list[tuple]:
        with reading(engine) as connection:
            return [tuple(row) for row in connection.execute(select(UsageRow.__table__).order_by("hour"))]

    return list_rows


@pytest.fixture
def secret_id(session: Session, clock: Clock, entropy: Entropy) -> str:
    """Give the id of a client's secret that was never used."""
    actor = Actor(ActorKind.TERMINAL, "alice")
    registrar = Registrar(session, actor, clock, entropy, "https://issuer.example", 24 * 3600)
    client, _ = clients.add_client(registrar, NewClient("robot"))
    return client.secrets[0].id


@pytest.fixture
def last_used(engine: Engine, secret_id: str) -> Callable[[], int | None]:
    """Give a function that returns when the secret was last used."""

    def find() -> int | None:
        with reading(engine) as connection:
            return connection.execute(select(ClientSecretRow.last_used_at)).scalar_one()

    return find


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the database refuse the counts, until monkeypatch is undone."""

    def fail(*_arguments: object) -> None:
        raise exc.OperationalError("the test says so", None, ConnectionError())

    monkeypatch.setattr(store, "add_counts", fail)


def test_answers_of_one_hour_are_one_row(engine: Engine, rows: Callable) -> None:
    counter = UsageCounter(engine)
    counter.count(HOUR, 1, [2], *ISSUED, HOUR + 900)
    counter.count(HOUR + 3599, 1, [2], *ISSUED, HOUR + 60)
    counter.write_once()

    assert rows() == [(HOUR, 1, 2, *ISSUED, 2, HOUR + 3599, HOUR + 900)]


def test_next_hour_is_another_row(engine: Engine, rows: Callable) -> None:
    counter = UsageCounter(engine)
    counter.count(HOUR, 1, [2], *ISSUED)
    counter.count(HOUR + 3600, 1, [2], *ISSUED)
    counter.write_once()

    assert [row[0] for row in rows()] == [HOUR, HOUR + 3600]


def test_token_of_several_audiences_counts_for_each(engine: Engine, rows: Callable) -> None:
    counter = UsageCounter(engine)
    counter.count(HOUR, 1, [2, 3], *ISSUED)
    counter.write_once()

    assert sorted(row[2] for row in rows()) == [2, 3]


def test_answer_without_audience_counts_for_audience_zero(engine: Engine, rows: Callable) -> None:
    counter = UsageCounter(engine)
    counter.count(HOUR, 1, (), "client_credentials", "invalid_target")
    counter.write_once()

    assert rows() == [(HOUR, 1, 0, "client_credentials", "invalid_target", 1, HOUR, 0)]


def test_what_was_written_is_added_to_and_times_never_go_back(engine: Engine, rows: Callable) -> None:
    counter = UsageCounter(engine)
    counter.count(HOUR + 10, 1, [2], *ISSUED, HOUR + 900)
    counter.write_once()
    counter.count(HOUR + 5, 1, [2], *ISSUED, HOUR + 60)
    counter.write_once()

    assert rows() == [(HOUR, 1, 2, *ISSUED, 2, HOUR + 10, HOUR + 900)]


def test_sums_of_two_processes_add_up(engine: Engine, rows: Callable) -> None:
    one, other = UsageCounter(engine), UsageCounter(engine)
    one.count(HOUR, 1, [2], *ISSUED)
    other.count(HOUR, 1, [2], *ISSUED)
    one.write_once()
    other.write_once()

    assert [row[5] for row in rows()] == [2]


def test_nothing_is_written_twice(engine: Engine, rows: Callable) -> None:
    counter = UsageCounter(engine)
    counter.count(HOUR, 1, [2], *ISSUED)
    counter.write_once()
    counter.write_once()

    assert [row[5] for row in rows()] == [1]


def test_secret_is_marked_with_its_last_use(engine: Engine, secret_id: str, last_used: Callable) -> None:
    counter = UsageCounter(engine)
    counter.note_secret(secret_id, HOUR)
    counter.note_secret(secret_id, HOUR + 7)
    counter.write_once()

    assert last_used() == HOUR + 7


class TestWhatCannotBeWritten:
    """It is kept, and written when it can be."""

    def test_is_refused_and_kept(
        self, engine: Engine, rows: Callable, away: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counter = UsageCounter(engine)
        counter.count(HOUR, 1, [2], *ISSUED, HOUR + 900)
        with pytest.raises(TemporarilyUnavailable):
            counter.write_once()
        monkeypatch.undo()
        counter.count(HOUR + 1, 1, [2], *ISSUED, HOUR + 60)
        counter.write_once()

        assert rows() == [(HOUR, 1, 2, *ISSUED, 2, HOUR + 1, HOUR + 900)]

    def test_is_kept_of_durations(self, engine: Engine, away: None, monkeypatch: pytest.MonkeyPatch) -> None:
        counter = UsageCounter(engine)
        counter.note_duration(0.0004)
        with pytest.raises(TemporarilyUnavailable):
            counter.write_once()
        monkeypatch.undo()
        counter.note_duration(0.0001)
        counter.write_once()
        counter.write_once()

        with reading(engine) as connection:
            assert durations.list_durations(connection) == {500: DurationSum(2, 500)}

    def test_is_kept_of_secrets_without_undoing_a_later_use(
        self,
        engine: Engine,
        secret_id: str,
        last_used: Callable,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        counter = UsageCounter(engine)
        counter.note_secret(secret_id, HOUR)

        def use_then_fail(*_arguments: object) -> None:
            counter.note_secret(secret_id, HOUR + 5)
            raise exc.OperationalError("the test says so", None, ConnectionError())

        monkeypatch.setattr(store, "add_counts", use_then_fail)
        with pytest.raises(TemporarilyUnavailable):
            counter.write_once()
        monkeypatch.undo()
        counter.write_once()

        assert last_used() == HOUR + 5


def test_eight_threads_lose_nothing_while_a_ninth_writes(
    engine: Engine, secret_id: str, rows: Callable, last_used: Callable
) -> None:
    counter = UsageCounter(engine)
    done = threading.Event()

    def ask() -> None:
        for number in range(1000):
            counter.count(HOUR, 1, [2], *ISSUED)
            counter.note_secret(secret_id, HOUR + number)

    def write() -> None:
        while not done.is_set():
            counter.write_once()

    writer = threading.Thread(target=write)
    askers = [threading.Thread(target=ask) for _ in range(8)]
    for thread in (writer, *askers):
        thread.start()
    for thread in askers:
        thread.join()
    done.set()
    writer.join()
    counter.write_once()

    assert [row[5] for row in rows()] == [8000]
    assert last_used() == HOUR + 999


def test_secret_is_noted_under_the_lock_that_guards_the_writing(engine: Engine) -> None:
    """A note that came between the swap and the writing was lost, or broke the writing."""
    counter = UsageCounter(engine)
    noted = threading.Event()

    def note() -> None:
        counter.note_secret("secret-1", HOUR)
        noted.set()

    with counter._lock:
        noting = threading.Thread(target=note)
        noting.start()
        was_noted = noted.wait(0.05)
    noting.join()

    assert not was_noted
