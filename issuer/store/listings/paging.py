"""Paging: search, filters, order and the place in it, the same way for every list.

Pages are told apart by the last row of the one before (keyset), not by a number of rows to leave out: a
row that comes or goes meanwhile moves no other to another page, and the last page costs what the first does.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    SQLColumnExpression,
    Subquery,
    and_,
    func,
    literal,
    or_,
    select,
)

from issuer.errors import InvalidValue
from issuer.model import cursor
from issuer.model.cursor import Kinds, Position, PositionValue
from issuer.model.listing import MOST_COUNTED, ListQuery, Page, Row

_LONGEST_SEARCH = 255

Statement = Select[*tuple[Any, ...]]  # Any: columns of several types
Condition = ColumnElement[bool]
# Takes what was sent and raises InvalidValue for what it does not know.
Filter = Callable[[str], Condition]


@dataclass(frozen=True, slots=True)
class SortColumn:
    """What a list may be sorted by. expression: never NULL. kind: the type of its values."""

    expression: SQLColumnExpression[Any]  # Any: int or str, as kind says
    kind: type[int] | type[str]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list: from where, and by what it may be searched, filtered and sorted.

    tie: the key of its rows. source: the joined tables, with what always holds. sorts: the first one is
    the order of a list for which none is asked, and then descending if is_newest_first. searched: texts.
    hidden: what is left out unless a filter of that name is sent. sums: tables of `key` and number that a
    sort needs, summed once for all rows, by the sort's name.
    """

    name: str
    source: Statement
    tie: SortColumn
    sorts: Mapping[str, SortColumn]
    searched: tuple[SQLColumnExpression[str], ...]
    filters: Mapping[str, Filter]
    hidden: Mapping[str, Condition]
    is_newest_first: bool = False
    sums: Mapping[str, Subquery] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """The keys of a page's rows, in their order, and the rest of model.listing.Page."""

    keys: tuple[Any, ...]  # Any: int or str, as the listing's tie says
    sort: str
    is_descending: bool
    next_cursor: str
    total: int
    is_total_exact: bool

    def page(self, rows: tuple[Row, ...]) -> Page[Row]:
        """Return the page, with these rows for its keys."""
        return Page(rows, self.sort, self.is_descending, self.next_cursor, self.total, self.is_total_exact)


def find_page(connection: Connection, listing: Listing, query: ListQuery) -> Found:
    """Return the keys of the rows on a page. One statement if all rows are on it, else two.

    Raises InvalidValue for a sort, filter or cursor that is not this list's.
    """
    if not query.sort:
        query = replace(query, sort=next(iter(listing.sorts)), is_descending=listing.is_newest_first)
    column = listing.sorts.get(query.sort)
    if column is None:
        raise InvalidValue(f"this list is not sorted by {query.sort!r}")
    matching = listing.source.where(*_list_conditions(listing, query))
    sortable = _with_sum(matching, listing, query.sort)
    rows = connection.execute(_cut(sortable, listing, column, query)).all()
    shown = rows[: query.size]
    is_last = len(rows) <= query.size
    is_whole = is_last and not query.cursor
    total = len(rows) if is_whole else _count(connection, matching)
    return Found(
        keys=tuple(row.tie for row in shown),
        sort=query.sort,
        is_descending=query.is_descending,
        next_cursor="" if is_last else _encode(shown[-1].value, shown[-1].tie, listing, query),
        total=min(total, MOST_COUNTED),
        is_total_exact=total <= MOST_COUNTED,
    )


def folded(column: SQLColumnExpression[str]) -> SortColumn:
    """Return a text to be sorted by, its letters in any case."""
    return SortColumn(func.lower(column), str)


def number(expression: Any) -> SortColumn:  # Any: a column, function or scalar subquery of int
    """Return a number to be sorted by; what is missing counts as 0."""
    return SortColumn(func.coalesce(expression, 0), int)


def one_of(column: Any, values: Mapping[str, Any]) -> Filter:  # Any: a column and its values
    """Return the filter that takes these words and compares a column with what each stands for."""

    def condition(sent: str) -> Condition:
        if sent not in values:
            raise InvalidValue(f"this filter takes one of {', '.join(values)}")
        found: Condition = column == values[sent]
        return found

    return condition


def holding(conditions: Mapping[str, Condition]) -> Filter:
    """Return the filter that takes these words, each of which stands for a condition."""

    def condition(sent: str) -> Condition:
        if sent not in conditions:
            raise InvalidValue(f"this filter takes one of {', '.join(conditions)}")
        return conditions[sent]

    return condition


def exactly(column: Any) -> Filter:  # Any: a column of text
    """Return the filter that compares a text column with what is sent, byte for byte."""

    def condition(sent: str) -> Condition:
        check_text(sent)
        found: Condition = column == sent
        return found

    return condition


def state_of(column: Any, states: Mapping[str, Any]) -> Filter:  # Any: a column and its values
    """Return the filter on a state, which also takes `all`."""
    one = one_of(column, states)

    def condition(sent: str) -> Condition:
        return literal(1) == 1 if sent == "all" else one(sent)

    return condition


def check_text(sent: str) -> None:
    """Refuse a text that no column could hold; raises InvalidValue."""
    is_storable = "\0" not in sent and not any("\ud800" <= one <= "\udfff" for one in sent)
    if len(sent) > _LONGEST_SEARCH or not is_storable:
        raise InvalidValue(f"a search or filter has at most {_LONGEST_SEARCH} characters, and no NUL")


def _with_sum(matching: Statement, listing: Listing, sort: str) -> Statement:
    if sort not in listing.sums:
        return matching
    summed = listing.sums[sort]
    return matching.outerjoin(summed, summed.c.key == listing.tie.expression)


def _count(connection: Connection, matching: Statement) -> int:
    """Return how many rows match, and one more than MOST_COUNTED if there are more than that."""
    ones = matching.with_only_columns(literal(1).label("one"), maintain_column_froms=True)
    counted = select(func.count()).select_from(ones.limit(MOST_COUNTED + 1).subquery())
    return connection.execute(counted).scalar_one()


def _list_conditions(listing: Listing, query: ListQuery) -> list[Condition]:
    check_text(query.search)
    sent = {name: value for name, value in query.filters.items() if value}
    unknown = sorted(sent.keys() - listing.filters.keys())
    if unknown:
        raise InvalidValue(f"this list has no filter {unknown[0]!r}")
    conditions = [listing.filters[name](value) for name, value in sent.items()]
    conditions += [condition for name, condition in listing.hidden.items() if name not in sent]
    if query.search:
        conditions.append(_contains(listing.searched, query.search))
    return conditions


def _contains(texts: Sequence[SQLColumnExpression[str]], search: str) -> Condition:
    # All of them as one, a line each: to fold and search three texts takes thrice as long as a text of three
    # lines, and PostgreSQL's ILIKE as long again.
    lines: ColumnElement[str] = literal("")
    for text in texts:
        lines = lines + "\n" + func.coalesce(text, "")
    pattern = search.replace("/", "//").replace("%", "/%").replace("_", "/_")
    return func.lower(lines).like(func.lower(literal(f"%{pattern}%")), escape="/")


def _cut(matching: Statement, listing: Listing, column: SortColumn, query: ListQuery) -> Statement:
    value, tie = column.expression, listing.tie.expression
    order = [value.desc(), tie.desc()] if query.is_descending else [value.asc(), tie.asc()]
    statement: Statement = matching.with_only_columns(
        tie.label("tie"), value.label("value"), maintain_column_froms=True
    )
    if query.cursor:
        kinds = Kinds(column.kind, listing.tie.kind)
        after = cursor.decode(query.cursor, listing.name, query, kinds)
        statement = statement.where(_is_after(value, tie, after, is_descending=query.is_descending))
    return statement.order_by(*order).limit(query.size + 1)


def _is_after(
    value: SQLColumnExpression[Any], tie: SQLColumnExpression[Any], after: Position, *, is_descending: bool
) -> Condition:
    # Not as a row value: the second half would not be used to end early, and this reads as it is meant.
    if is_descending:
        return or_(value < after.value, and_(value == after.value, tie < after.tie))
    return or_(value > after.value, and_(value == after.value, tie > after.tie))


def _encode(value: PositionValue, tie: PositionValue, listing: Listing, query: ListQuery) -> str:
    # Sums are Decimal on PostgreSQL.
    plain = value if isinstance(value, str) else int(value)
    return cursor.encode(Position(plain, tie), listing.name, query)
