"""Charts: columns that a page draws, worked out here so that a template only prints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_GAP: Final = 1
_SHORTEST: Final = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a chart, in pixels from the left and the top. value: what it stands for."""

    x: int
    y: int
    width: int
    height: int
    value: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Columns beside each other, in pixels. highest: the largest value, 0 if all are nothing."""

    width: int
    height: int
    highest: int
    columns: tuple[Column, ...]


def draw(values: Sequence[int], step: int, height: int) -> Chart:
    """Return the chart of values, oldest first. step: from one column to the next; what is 0 has none.

    The smallest value that is not 0 is still to be seen.
    """
    highest = max(values, default=0)
    columns = tuple(
        _draw_column(place * step, value, highest, step, height)
        for place, value in enumerate(values)
        if value > 0
    )
    return Chart(len(values) * step, height, highest, columns)


def _draw_column(x: int, value: int, highest: int, step: int, height: int) -> Column:
    tall = max(_SHORTEST, round(height * value / highest))
    return Column(x, height - tall, max(1, step - _GAP), tall, value)
