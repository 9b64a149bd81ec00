"""Times and durations in words."""

import pytest

from issuer.pages import words
from tests.conftest import START


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 s"),
        (1, "1 s"),
        (59, "59 s"),
        (60, "1 min"),
        (900, "15 min"),
        (5400, "1 h 30 min"),
        (86_400 * 14, "14 d"),
        (90_061, "1 d 1 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: int, expected: str):
    assert words.duration(seconds) == expected


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        (0, "just now"),
        (-44, "just now"),
        (-45, "1 minute ago"),
        (-119, "1 minute ago"),
        (-3600, "1 hour ago"),
        (-7300, "2 hours ago"),
        (-86_400 * 40, "1 month ago"),
        (-86_400 * 800, "2 years ago"),
        (1, "in a moment"),
        (86_400 * 3, "in 3 days"),
    ],
)
def test_a_time_is_told_as_seen_from_now(distance: int, expected: str):
    assert words.relative(START + distance, START) == expected


def test_the_exact_time_is_utc():
    assert words.exact_time(START) == "2027-01-15 08:00:00 UTC"
    assert words.iso_time(START) == "2027-01-15T08:00:00Z"


def test_thousands_stand_apart():
    assert words.count(1_234_567) == "1,234,567"
