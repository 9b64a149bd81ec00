"""What stands in a column that holds a JSON array of texts."""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, func, select, true
from sqlalchemy.orm import InstrumentedAttribute

ListColumn = InstrumentedAttribute[list[str]]


def holds_any(connection: Connection, column: ListColumn, values: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that a column's array holds any of these values, byte for byte."""
    if connection.dialect.name == "sqlite":
        items = func.json_each(column).table_valued("value", name="items")
    else:
        items = func.json_array_elements_text(column).table_valued("value", name="items")
    return select(true()).select_from(items).where(items.c.value.in_(sorted(values))).exists()
