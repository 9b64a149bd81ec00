"""How long requests take: counted by bounds, as a histogram needs it."""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

# Of a bound, whoever took as long or less. A token takes under a millisecond; a second is an outage.
BOUNDS_MICROSECONDS: Final = (
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
)
# Stands for the bound that there is none of: longer than all.
LONGER: Final = 0


@dataclass(frozen=True, slots=True)
class DurationSum:
    """How many requests came under one bound and under none of the lower ones, and their sum."""

    count: int = 0
    sum_microseconds: int = 0


def bound_of(seconds: float) -> int:
    """Return the lowest bound, in microseconds, that is not exceeded; LONGER if all are."""
    place = bisect_left(BOUNDS_MICROSECONDS, seconds * 1_000_000)
    return BOUNDS_MICROSECONDS[place] if place < len(BOUNDS_MICROSECONDS) else LONGER
