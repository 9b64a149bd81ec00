"""PostgreSQL connections that never wait for ever.

The server ends a statement that takes too long. Of a server that hangs, or of a network that drops
everything, nobody says anything, and the driver would wait without end: a thread for each request. So
the client listens for silence, too, and gives up a connection that says nothing for too long.
"""

from collections.abc import Generator
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect

WAIT_SECONDS: Final = 2

# A connection in the pool that does not answer at once is replaced: that, and connecting anew within
# WAIT_SECONDS, is all that a request ever waits for a server that hangs.
_PING_SECONDS = 0.5
# The server's own timeout comes first: it leaves the connection as it is.
_ANSWER_SECONDS = WAIT_SECONDS + 0.5
_LISTEN_SECONDS = 0.1


def connect_arguments() -> dict[str, Any]:  # Any: the driver's own arguments
    """Return the driver's arguments: no wait for a connection, a statement or a lock over 2 seconds."""
    milliseconds = WAIT_SECONDS * 1000
    return {
        "connect_timeout": WAIT_SECONDS,
        "options": f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}",
    }


def prepare_engine(engine: Engine) -> None:
    """Let the engine make connections that give up on silence."""
    event.listen(engine, "do_connect", _connect)
    event.listen(engine, "checkin", _expect_ping)
    event.listen(engine, "checkout", _expect_answers)


def be_patient(connection: Connection, seconds: int) -> None:
    """Let the statements and locks of this transaction take so long; it ends with the transaction."""
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {seconds * 1000}")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {seconds * 1000}")
    _expect(connection.connection.driver_connection, seconds + WAIT_SECONDS)


# Any, from here on: the driver's module and its connections. It is an extra, so it may not be there.
def _connect(dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> Any:
    driver: Any = dialect.loaded_dbapi
    return _patient_class(driver).connect(*arguments, **options)


def _expect_ping(connection: Any, _record: object) -> None:
    # None if the connection was found broken.
    if connection is not None:
        _expect(connection, _PING_SECONDS)


def _expect_answers(connection: Any, _record: object, _proxy: object) -> None:
    _expect(connection, _ANSWER_SECONDS)


def _expect(connection: Any, seconds: float) -> None:
    connection.most_silences = round(seconds / _LISTEN_SECONDS)


@cache
def _patient_class(driver: Any) -> Any:
    class PatientConnection(driver.Connection):  # type: ignore[misc] # a class of Any, as said
        """A connection that closes itself after so many silences, each of `_LISTEN_SECONDS`."""

        most_silences = round(_ANSWER_SECONDS / _LISTEN_SECONDS)

        def wait(self, work: Any, *_arguments: object, **_options: object) -> Any:
            """Return what the work returns; raises OperationalError after too long a silence."""
            return super().wait(self._listen(work), _LISTEN_SECONDS)

        def _listen(self, work: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
            # The driver asks a generator what to wait for and tells it what came, or nothing.
            silences = 0
            try:
                wanted = next(work)
                while True:
                    heard = yield wanted
                    silences = 0 if heard else silences + 1
                    if silences >= self.most_silences:
                        self.close()
                        raise driver.OperationalError("the server says nothing")
                    wanted = work.send(heard)
            except StopIteration as done:
                return done.value

    return PatientConnection
