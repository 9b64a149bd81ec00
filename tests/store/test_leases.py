"""Leases: one holder at a time, for a bounded time, whatever the clock does."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from issuer.store import db, leases

NAME = "tick"
SECONDS = 60
NOW = 1_800_000_000


@pytest.fixture
def take(engine):
    """Give the function that takes the lease for 60 seconds."""

    def add_holder(holder: str, now: int = NOW, unless_done_after: int | None = None) -> bool:
        after = now if unless_done_after is None else unless_done_after
        with db.writing(engine) as connection:
            return leases.add_holder(connection, NAME, holder, now, SECONDS, after)

    return add_holder


def done(engine, holder: str, now: int) -> bool:
    with db.writing(engine) as connection:
        return leases.change_done(connection, NAME, holder, now)


def test_nobody_takes_what_another_holds(take):
    assert take("one")
    assert not take("two", NOW + SECONDS - 1)


def test_a_lease_ends_by_itself(take):
    take("one")

    assert take("two", NOW + SECONDS)


def test_a_lease_is_taken_once_its_work_is_done(engine, take):
    take("one")
    assert done(engine, "one", NOW + 5)

    assert take("two", NOW + 5)


def test_work_that_was_just_done_is_not_due(engine, take):
    take("one")
    done(engine, "one", NOW)

    assert not take("two", NOW + 59, unless_done_after=NOW - 1)
    assert take("two", NOW + 60, unless_done_after=NOW)


def test_who_lost_the_lease_neither_prolongs_it_nor_ends_it(engine, take):
    take("one")
    take("two", NOW + SECONDS)

    with db.writing(engine) as connection:
        assert not leases.change_until(connection, NAME, "one", NOW + 1000)
    assert not done(engine, "one", NOW + SECONDS)
    assert not take("three", NOW + SECONDS + 1)


def test_who_holds_the_lease_prolongs_it(engine, take):
    take("one")

    with db.writing(engine) as connection:
        assert leases.change_until(connection, NAME, "one", NOW + 100)

    assert not take("two", NOW + 99)


def test_a_clock_that_was_set_back_keeps_nobody_off(engine, take):
    take("one", NOW + 86_400)
    assert take("two", NOW)

    done(engine, "two", NOW + 86_400)
    assert take("three", NOW, unless_done_after=NOW - 60)


@pytest.mark.parametrize("behind", [1, 30, 60])
def test_a_clock_that_is_a_little_behind_takes_nothing_from_others(engine, take, behind: int):
    """Machines' clocks differ by seconds."""
    take("one", NOW)
    assert not take("two", NOW - behind)

    done(engine, "one", NOW)
    assert not take("two", NOW - behind, unless_done_after=NOW - behind - 60)
    # Whoever does not ask when it was last done takes it now.
    assert take("three", NOW - behind)


def test_when_work_was_last_done_is_known(engine, take):
    with db.reading(engine) as connection:
        assert leases.find_succeeded_at(connection, NAME) is None

    take("one")
    done(engine, "one", NOW + 5)

    with db.reading(engine) as connection:
        assert leases.find_succeeded_at(connection, NAME) == NOW + 5


def test_of_many_at_once_one_takes_it(engine, take):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, [f"holder {number}" for number in range(8)]))

    assert taken.count(True) == 1
