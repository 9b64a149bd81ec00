"""How long failures lock, when they are forgotten, and which addresses are one."""

import pytest

from issuer.model.auth_failure import Failures, Unwritten
from issuer.policy import lockout

NOW = 1_800_000_000


@pytest.mark.parametrize(
    ("count", "seconds"),
    [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (14, 512), (15, 900), (16, 900), (10**9, 900)],
)
def test_a_lock_doubles_from_a_second_to_a_quarter_of_an_hour(count: int, seconds: int):
    assert lockout.seconds_left(Failures(count, NOW), NOW) == seconds


@pytest.mark.parametrize(("later", "left"), [(0, 8), (1, 7), (7, 1), (8, 0), (10_000, 0)])
def test_a_lock_ends_by_itself(later: int, left: int):
    assert lockout.seconds_left(Failures(8, NOW), NOW + later) == left


@pytest.mark.parametrize(("earlier", "left"), [(5, 8), (900, 8), (901, 0)])
def test_a_clock_that_is_set_back_locks_nobody_for_ever(earlier: int, left: int):
    assert lockout.seconds_left(Failures(8, NOW), NOW - earlier) == left


def test_a_clock_that_was_set_back_lets_nobody_guess_for_ever():
    """A time far ahead locks nobody, so it must not stay."""
    known = Failures(8, NOW + 86_400)

    for _ in range(5):
        known = lockout.add(known, Unwritten(Failures(1, NOW)))

    assert lockout.seconds_left(known, NOW) == 1


@pytest.mark.parametrize(("pause", "count"), [(0, 7), (900, 7), (901, 3), (-5, 7), (-900, 7)])
def test_failures_before_a_pause_do_not_count(pause: int, count: int):
    added = lockout.add(Failures(4, NOW), Unwritten(Failures(3, NOW + pause)))

    assert added == Failures(count, NOW + max(pause, 0))


def test_a_success_begins_from_nothing():
    assert lockout.add(Failures(9, NOW), Unwritten(Failures(1, NOW), is_anew=True)) == Failures(1, NOW)
    assert lockout.add(None, Unwritten(Failures(1, NOW))) == Failures(1, NOW)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:50123", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("2001:DB8:0:1:ffff::2", "2001:db8:0:1::/64"),
        ("[2001:db8:0:1::3]:443", "2001:db8:0:1::/64"),
        ("2001:db8:0:2::1", "2001:db8:0:2::/64"),
        ("", ""),
        ("unix:", "unix:"),
        ("a\x00b\n\N{SNOWMAN}c", "abc"),
        ("x" * 100, "x" * 64),
    ],
)
def test_addresses_of_one_host_are_one(address: str, network: str):
    """A guesser has a whole /64 of IPv6 and any port; a lockout per spelling is none."""
    assert lockout.network_of(address) == network
