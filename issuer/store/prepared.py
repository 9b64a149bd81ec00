"""Statements of the token path: put together once for each database, and run by its driver.

To run one SQLAlchemy's own way costs three times what the driver does with it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.dml import ReturningUpdate

# Any, in this file: what a driver takes and gives.
Values = Mapping[str, int | str | None]
_Process = Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True)
class _Compiled:
    """A statement as one database's driver takes it.

    names: of the values, in the order of their places. fixed: values that the statement itself brings
    along. processes: what makes each column's value of what the driver gives; empty where it gives them all.
    """

    text: str
    names: tuple[str, ...]
    fixed: dict[str, Any]
    processes: tuple[_Process, ...]

    def arrange(self, values: Values) -> tuple[Any, ...]:
        """Return the values as the driver takes them."""
        given = {**self.fixed, **values}
        return tuple(given[name] for name in self.names)

    def read(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the values of a row."""
        if not self.processes:
            return row
        return tuple(
            value if process is None else process(value)
            for value, process in zip(row, self.processes, strict=True)
        )


class PreparedUpdate:
    """An UPDATE with RETURNING that touches one row at most. Its values are numbers and texts.

    name: under which PostgreSQL knows it, no other statement's.
    """

    def __init__(self, name: str, statement: ReturningUpdate[*tuple[Any, ...]]) -> None:
        self._name = name.encode("ascii")
        self._statement = statement
        self._compiled: dict[str, _Compiled] = {}

    def change_row(self, connection: Connection, values: Values) -> tuple[Any, ...] | None:
        """Run it; return what it tells of the row, None if there was none. Raises as SQLAlchemy does."""
        dialect = connection.dialect
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._statement, dialect)
        driver: Any = connection.connection.dbapi_connection
        try:
            row = self._ask(driver, dialect, compiled, values)
        except dialect.loaded_dbapi.Error as error:
            raise _as_sqlalchemy(error, compiled.text, connection) from error
        return None if row is None else compiled.read(row)

    def _ask(self, driver: Any, dialect: Dialect, compiled: _Compiled, values: Values) -> Any:
        if dialect.name != "sqlite":
            return driver.change_row(self._name, compiled.text, compiled.arrange(values))
        # All rows: SQLite cannot commit before a statement has come to its end.
        rows = driver.execute(compiled.text, compiled.arrange(values)).fetchall()
        return rows[0] if rows else None


def _compile(statement: ReturningUpdate[*tuple[Any, ...]], dialect: Dialect) -> _Compiled:
    # On PostgreSQL's own way of places, `$1`, and not on the driver's: our connections hand it through.
    kind: Any = type(dialect)
    compiled: Any = statement.compile(
        dialect=dialect if dialect.name == "sqlite" else kind(paramstyle="numeric_dollar")
    )
    columns = statement.exported_columns
    processes = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    return _Compiled(
        text=str(compiled),
        names=tuple(compiled.positiontup),
        fixed={name: value for name, value in compiled.params.items() if value is not None},
        processes=tuple(processes) if any(processes) else (),
    )


def _as_sqlalchemy(error: Exception, text: str, connection: Connection) -> BaseException:
    dialect = connection.dialect
    is_lost = dialect.is_disconnect(error, connection.connection.dbapi_connection, None)  # type: ignore[arg-type] # a driver's own
    if is_lost:
        connection.invalidate(error)
    return DBAPIError.instance(
        text, None, error, dialect.loaded_dbapi.Error, connection_invalidated=is_lost, dialect=dialect
    )
