"""The lockout of several processes on one database: what each counts, the others learn."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.exc import OperationalError

from issuer.errors import TemporarilyUnavailable
from issuer.issuing import lockout as module
from issuer.issuing.lockout import Lockout
from issuer.model.auth_failure import ANYONE, FailureKey
from issuer.store import auth_failures, db

ROBOT, OTHER = 7, 8
HERE, ELSEWHERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def processes(engine, clock):
    """Give the lockouts of two processes."""
    return Lockout(engine, clock), Lockout(engine, clock)


def fail(lockout, times, client_key=ROBOT, address=HERE):
    """Fail some times and return what each attempt was told."""
    return [lockout.note_failure(client_key, address) for _ in range(times)]


def share(*lockouts):
    """Let each process write and look, twice: what the last one writes reaches the first."""
    for lockout in lockouts * 2:
        lockout.share_once()


def stored(engine):
    with db.reading(engine) as connection:
        return auth_failures.list_failures(connection, 0, 1_000_000)


def test_five_failures_lock_that_client_from_that_address_alone(processes):
    one, _ = processes

    told = fail(one, 7)

    assert told == [0, 0, 0, 0, 0, 1, 2]
    assert one.is_locked(ROBOT, HERE)
    assert not one.is_locked(ROBOT, ELSEWHERE)
    assert not one.is_locked(OTHER, HERE)


def test_failures_of_two_processes_add_up(processes):
    one, other = processes
    fail(one, 3)
    fail(other, 2)

    share(one, other)

    assert one.is_locked(ROBOT, HERE)
    assert other.is_locked(ROBOT, HERE)


def test_a_success_in_one_process_frees_the_client_in_all(processes, clock):
    one, other = processes
    fail(one, 9)
    share(one, other)
    clock.step(16)

    other.note_success(ROBOT, HERE)
    share(other, one)
    fail(one, 4)

    assert not one.is_locked(ROBOT, HERE)


def test_failures_after_an_unwritten_success_count_from_nothing(processes, engine):
    one, other = processes
    fail(one, 4)
    share(one, other)
    one.note_success(ROBOT, HERE)
    fail(one, 2)

    share(one, other)

    assert stored(engine)[FailureKey(ROBOT, HERE)].count == 2
    assert not other.is_locked(ROBOT, HERE)


def test_the_count_of_an_address_is_never_behind_that_of_a_client_there(processes):
    """Otherwise an answer would tell that the client exists."""
    one, _ = processes
    fail(one, 5)
    one.note_success(ROBOT, HERE)

    told = fail(one, 1, client_key=None)

    assert told == [1]


def test_a_new_process_knows_who_is_locked(processes, engine, clock):
    one, _ = processes
    fail(one, 12)
    one.share_once()
    clock.step(20)

    late = Lockout(engine, clock)
    late.share_once()

    assert late.is_locked(ROBOT, HERE)


def test_what_cannot_be_written_is_kept_and_locks_here(processes, engine, clock, monkeypatch):
    one, other = processes

    def refuse():
        raise OperationalError("SELECT", {}, Exception("away"))

    with monkeypatch.context() as patch:
        patch.setattr(engine.pool, "connect", refuse)
        fail(one, 3)
        with pytest.raises(TemporarilyUnavailable):
            one.share_once()
        fail(one, 3)
    assert one.is_locked(ROBOT, HERE)
    share(one, other)

    assert stored(engine)[FailureKey(ROBOT, HERE)].count == 6
    assert other.is_locked(ROBOT, HERE)


def test_what_is_shared_without_news_writes_nothing(processes, engine):
    one, _ = processes
    one.share_once()
    one.note_success(ROBOT, HERE)

    one.share_once()

    assert stored(engine) == {}


def test_random_client_ids_are_one_count(processes, engine):
    """An unauthenticated request must not grow anything: Vault CVE-2026-5807."""
    one, _ = processes
    fail(one, 2000, client_key=None)
    one.share_once()

    assert list(stored(engine)) == [FailureKey(ANYONE, HERE)]


def test_random_addresses_grow_neither_memory_nor_table_beyond_the_cap(processes, engine, monkeypatch):
    monkeypatch.setattr(module, "MOST_COUNTS", 100)
    one, _ = processes
    for number in range(500):
        one.note_failure(ROBOT, f"192.0.{number // 250}.{number % 250}")
        if number % 60 == 0:
            one.share_once()
    one.share_once()

    assert len(one._known) <= 100
    assert len(stored(engine)) <= 100


def test_counts_are_forgotten_when_they_no_longer_matter(processes, engine, clock):
    one, _ = processes
    fail(one, 6)
    one.share_once()

    clock.step(1801)
    one.note_failure(OTHER, ELSEWHERE)
    one.share_once()

    assert set(stored(engine)) == {FailureKey(OTHER, ELSEWHERE), FailureKey(ANYONE, ELSEWHERE)}
    assert set(one._known) == set(stored(engine))


def test_no_failure_is_lost_among_threads(processes, engine):
    one, other = processes
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(
            lambda number: (one if number % 2 else other).note_failure(ROBOT, HERE), range(400)
        ):
            pass
        share(one, other)

    assert stored(engine)[FailureKey(ROBOT, HERE)].count == 400
