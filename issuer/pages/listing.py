"""What a list page was asked for: search, filters, order and place, all of it in the address."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode

from flask import request

from issuer.errors import BadLink
from issuer.pages import cursors
from issuer.pages.cursors import Position

PAGE_ROWS: Final = 50

_LONGEST_SEARCH = 255
_DESCENDING = "-"


@dataclass(frozen=True, slots=True)
class Listing:
    """A list page as asked for; its methods give the addresses of its links.

    sort: one of the columns. filters: by name, only those that are set. after: the position behind which to
    go on, None at the beginning. shown_before: how many rows lie before it.
    """

    path: str
    search: str
    sort: str
    is_descending: bool
    default_sort: str
    filters: Mapping[str, str] = field(default_factory=dict)
    after: Position | None = None
    shown_before: int = 0

    @property
    def is_narrowed(self) -> bool:
        """Whether a search or a filter leaves rows out."""
        return bool(self.search or self.filters)

    @property
    def order(self) -> str:
        """The order as it stands in the address: `name`, or `-name` for descending."""
        return f"{_DESCENDING if self.is_descending else ''}{self.sort}"

    @property
    def cleared_url(self) -> str:
        """The address of the whole list in its usual order."""
        return self.path

    @property
    def first_url(self) -> str:
        """The address of the list's beginning, search and order kept."""
        return self._url(self.order)

    def sort_url(self, column: str) -> str:
        """Return the address of the list in the order of a column; turned round if it has it already."""
        turned = column == self.sort and not self.is_descending
        return self._url(f"{_DESCENDING if turned else ''}{column}")

    def direction_of(self, column: str) -> str:
        """Return the `aria-sort` of a column."""
        if column != self.sort:
            return "none"
        return "descending" if self.is_descending else "ascending"

    def next_url(self, position: Sequence[str | int | None], shown: int) -> str:
        """Return the address of what follows. position: of the last row shown; shown: rows up to it."""
        cursor = cursors.write_cursor(self._identity(), (shown, *position))
        return self._url(self.order, after=cursor)

    def placed(self, cursor: str) -> "Listing":
        """Return the list behind a cursor; raises BadLink for one of another list or order."""
        shown, *position = cursors.read_cursor(self._identity(), cursor)
        if not isinstance(shown, int):
            raise BadLink("the cursor does not say how many rows lie before it")
        return Listing(
            self.path,
            self.search,
            self.sort,
            self.is_descending,
            self.default_sort,
            self.filters,
            tuple(position),
            shown,
        )

    def _identity(self) -> str:
        return self._url(self.order)

    def _url(self, order: str, **more: str) -> str:
        given = {
            "q": self.search,
            **self.filters,
            "sort": order if order != self.default_sort else "",
            **more,
        }
        query = urlencode({name: value for name, value in given.items() if value})
        return f"{self.path}?{query}" if query else self.path


def read_listing(
    columns: Sequence[str], filters: Mapping[str, Sequence[str] | None] | None = None, *, default: str
) -> Listing:
    """Return what the request asks of a list page.

    columns: those that may be sorted by. filters: by name, the values each may have, None for any text.
    default: the usual order, `-` in front for descending. Raises BadLink for anything a page of ours would
    not have asked.
    """
    choices = filters or {}
    _refuse_unknown({"q", "sort", "after", *choices})
    order = request.args.get("sort") or default
    sort = order.removeprefix(_DESCENDING)
    if sort not in columns:
        raise BadLink("no such column to sort by")
    listing = Listing(
        path=request.script_root + request.path,
        search=_read_text("q"),
        sort=sort,
        is_descending=order.startswith(_DESCENDING),
        default_sort=default,
        filters=dict(_read_filters(choices)),
    )
    cursor = request.args.get("after")
    return listing.placed(cursor) if cursor else listing


def _refuse_unknown(known: set[str]) -> None:
    if any(name not in known or len(values) > 1 for name, values in request.args.lists()):
        raise BadLink("a parameter is unknown or repeated")


def _read_text(name: str) -> str:
    text = request.args.get(name, "").strip()
    if len(text) > _LONGEST_SEARCH or not text.isprintable():
        raise BadLink("a search or filter is too long or holds control characters")
    return text


def _read_filters(choices: Mapping[str, Sequence[str] | None]) -> Iterator[tuple[str, str]]:
    for name, allowed in choices.items():
        value = _read_text(name)
        if value and allowed is not None and value not in allowed:
            raise BadLink(f"no such value of the filter {name}")
        if value:
            yield name, value
