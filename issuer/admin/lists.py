"""Lists of the console: from an address to the registry's query, and on to the next page or an export."""

from collections.abc import Iterable
from typing import Final, TypeVar
from urllib.parse import urlencode

from flask import Response

from issuer.errors import BadLink
from issuer.model.listing import ListQuery, Page
from issuer.pages.listing import PAGE_ROWS, Listing
from issuer.registry.listings import export
from issuer.registry.listings.export import Table

Row = TypeVar("Row")

# The filter by which the address of an export says what it is to be.
FORMAT: Final = "format"
FORMATS: Final = ("csv", "json")

_TYPES: Final = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_WRITERS: Final = {"csv": export.write_csv, "json": export.write_json}


def make_query(asked: Listing, size: int = PAGE_ROWS) -> ListQuery:
    """Return what the registry is asked for a page; raises BadLink for a place of another list."""
    cursor = asked.after[0] if asked.after else ""
    if not isinstance(cursor, str):
        raise BadLink("the place in the list is none")
    filters = {name: value for name, value in asked.filters.items() if name != FORMAT}
    return ListQuery(asked.search, filters, asked.sort, asked.is_descending, cursor, size)


def find_next_url(asked: Listing, page: Page[Row]) -> str:
    """Return the address of the next page, "" after the last."""
    if not page.next_cursor:
        return ""
    return asked.next_url((page.next_cursor,), asked.shown_before + len(page.rows))


def find_total(page: Page[Row]) -> int | None:
    """Return how many rows the whole list has, None for more than are counted."""
    return page.total if page.is_total_exact else None


def list_exports(asked: Listing, url: str) -> list[tuple[str, str]]:
    """Return label and address of each export of what a list page shows. url: of the export."""
    given = {"q": asked.search, **asked.filters, "sort": asked.order}
    kept = {name: value for name, value in given.items() if value}
    return [(each.upper(), f"{url}?{urlencode({**kept, FORMAT: each})}") for each in FORMATS]


def send_export(asked: Listing, name: str, table: Table[Row], rows: Iterable[Row]) -> Response:
    """Return a file of all rows. name: of the file. Raises BadLink without a format.

    Whole, not a piece at a time: while pieces wait for a slow reader, the context of this request, and with
    it who is signed in, would stay on the thread.
    """
    form = asked.filters.get(FORMAT, "")
    if form not in FORMATS:
        raise BadLink("an export needs a format")
    response = Response("".join(_WRITERS[form](table, rows)), content_type=_TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{form}"'
    return response
