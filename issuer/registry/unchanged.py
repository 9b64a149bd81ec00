"""What stands in a change for a field that stays as it is; None is a value of its own there."""

from enum import Enum
from typing import Final, TypeVar

Value = TypeVar("Value")


class Unchanged(Enum):
    """The type of UNCHANGED."""

    UNCHANGED = "unchanged"


UNCHANGED: Final = Unchanged.UNCHANGED


def settle(wanted: Value | Unchanged, current: Value) -> Value:
    """Return what a field holds after a change: `wanted`, or `current` where nothing is wanted."""
    return current if isinstance(wanted, Unchanged) else wanted
