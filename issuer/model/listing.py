"""A page of a list: what is asked for, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

LARGEST_PAGE: Final = 100
# Counted exactly up to here; of more it is only said that there are more.
MOST_COUNTED: Final = 1000

Row = TypeVar("Row")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class ListQuery:
    """Which rows of a list are asked for, and in which order.

    search: a part of any of the texts that the list searches, letters in any case; "" for all.
    filters: values by the names that the list knows; "" is as if it were not there.
    sort: a column that the list knows, "" for its own order. cursor: of the page before, "" for the first.
    """

    search: str = ""
    filters: Mapping[str, str] = field(default_factory=dict)
    sort: str = ""
    is_descending: bool = False
    cursor: str = ""
    size: int = 50


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list.

    sort, is_descending: the order they are in. next_cursor: where the next page begins, "" after the last.
    total: how many rows all pages have, MOST_COUNTED at most; is_total_exact: False if there are more.
    """

    rows: tuple[Row, ...]
    sort: str
    is_descending: bool
    next_cursor: str
    total: int
    is_total_exact: bool

    def with_rows(self, rows: tuple[Other, ...]) -> "Page[Other]":
        """Return the same page with other rows in the place of its own."""
        return Page(rows, self.sort, self.is_descending, self.next_cursor, self.total, self.is_total_exact)
