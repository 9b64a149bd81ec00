"""Failures of client authentication as stored: added up, begun anew, swept, and never more than a cap."""

import pytest

from issuer.model.auth_failure import ANYONE, FailureKey, Failures, Unwritten
from issuer.policy import lockout
from issuer.store import auth_failures, db

NOW = 1_800_000_000
ROBOT = FailureKey(7, "192.0.2.1")
EVERYONE = FailureKey(ANYONE, "192.0.2.1")


@pytest.fixture
def add(engine):
    """Give the function that adds what was counted."""

    def run(counted):
        with db.writing(engine) as connection:
            auth_failures.add_failures(connection, counted)

    return run


@pytest.fixture
def stored(engine):
    """Give the function that returns all that is stored."""

    def run(since=0, limit=100_000):
        with db.reading(engine) as connection:
            return auth_failures.list_failures(connection, since, limit)

    return run


@pytest.mark.parametrize("is_anew", [False, True])
@pytest.mark.parametrize("pause", [-901, -900, -5, 0, 900, 901])
def test_the_database_adds_as_the_rule_says(add, stored, pause, is_anew):
    more = Unwritten(Failures(3, NOW + pause), is_anew=is_anew)
    add({ROBOT: Unwritten(Failures(4, NOW)), EVERYONE: Unwritten(Failures(6, NOW))})

    add({ROBOT: more})

    assert stored() == {ROBOT: lockout.add(Failures(4, NOW), more), EVERYONE: Failures(6, NOW)}


def test_what_changed_since_is_listed_the_newest_first(add, stored):
    add({FailureKey(1, str(age)): Unwritten(Failures(1, NOW - age)) for age in range(10)})

    assert [key.network for key in stored(NOW - 4)] == ["0", "1", "2", "3", "4"]
    assert [key.network for key in stored(0, 2)] == ["0", "1"]


def test_old_counts_go_in_batches(engine, add, stored):
    add({FailureKey(1, str(age)): Unwritten(Failures(1, NOW - age)) for age in range(10)})

    with db.writing(engine) as connection:
        removed = [auth_failures.remove_failures(connection, NOW - 4, 3) for _ in range(3)]

    assert removed == [3, 2, 0]
    assert [key.network for key in stored()] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(("most", "removed"), [(4, 6), (9, 1), (10, 0), (11, 0)])
def test_the_oldest_go_beyond_the_cap(engine, add, stored, most, removed):
    add({FailureKey(1, str(age)): Unwritten(Failures(1, NOW - age)) for age in range(10)})

    with db.writing(engine) as connection:
        assert auth_failures.remove_oldest(connection, most) == removed

    assert [key.network for key in stored()] == [str(age) for age in range(min(most, 10))]


def test_many_of_one_second_go_down_to_the_cap(engine, add, stored):
    add({FailureKey(1, str(number)): Unwritten(Failures(1, NOW)) for number in range(1000)})

    with db.writing(engine) as connection:
        assert auth_failures.remove_oldest(connection, 10) == 990

    assert len(stored()) == 10
