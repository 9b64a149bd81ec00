"""The size of a page: bounded for those who ask over HTTP, larger for an export."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from issuer.errors import InvalidValue
from issuer.model.listing import LARGEST_PAGE, ListQuery, Page, Row

BATCH_ROWS: Final = 500


def check_size(query: ListQuery) -> ListQuery:
    """Return a query for a page of 1 to 100 rows; raises InvalidValue for another size."""
    if not 1 <= query.size <= LARGEST_PAGE:
        raise InvalidValue(f"a page has 1 to {LARGEST_PAGE} rows")
    return query


def stream(find_page: Callable[[ListQuery], Page[Row]], query: ListQuery) -> Iterator[Row]:
    """Yield all rows that a query finds, from its cursor on, whatever its size.

    Each batch is a transaction of its own, so that a slow reader keeps nothing open: a row that changes
    meanwhile may be missing or come in its new state, none comes twice unless what it is sorted by changes.
    """
    query = replace(query, size=BATCH_ROWS)
    while True:
        page = find_page(query)
        yield from page.rows
        if not page.next_cursor:
            return
        query = replace(query, sort=page.sort, is_descending=page.is_descending, cursor=page.next_cursor)
