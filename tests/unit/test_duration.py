"""Durations come under the lowest bound that they do not exceed."""

import pytest

from issuer.model import duration


@pytest.mark.parametrize(
    ("seconds", "bound"),
    [
        (0, 500),
        (0.0005, 500),
        (0.000501, 1000),
        (0.001, 1000),
        (2.5, 2_500_000),
        (2.500001, duration.LONGER),
        (1e9, duration.LONGER),
    ],
)
def test_a_duration_comes_under_the_lowest_bound_it_does_not_exceed(seconds, bound):
    assert duration.bound_of(seconds) == bound


def test_bounds_rise():
    assert sorted(set(duration.BOUNDS_MICROSECONDS)) == list(duration.BOUNDS_MICROSECONDS)
