"""PostgreSQL connections that never wait for ever.

The server ends a statement that takes too long. Of a server that hangs, or of a network that drops
everything, nobody says anything, and the driver would wait without end: a thread for each request. So
the client listens for silence, too, and gives up a connection that says nothing for too long.
"""

from functools import partial
from typing import Any, Final

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import InvalidatePoolError

from issuer.clock import Stopwatch
from issuer.store.patient_connection import patient_class

WAIT_SECONDS: Final = 2

# A connection that was idle for so long is asked whether it lives, and replaced if it does not answer at
# once: that, and connecting anew within WAIT_SECONDS, is all that a request waits for a server that hangs.
_TRUST_SECONDS = 1
_PING_SECONDS = 0.5
# The server's own timeout comes first: it leaves the connection as it is.
_ANSWER_SECONDS = WAIT_SECONDS + 0.5
# Who looks whether the server is there is not to keep the others waiting.
_LOOK_SECONDS = 1


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
    event.listen(engine, "checkin", _put_back)
    event.listen(engine, "checkout", partial(_take_out, engine.dialect))


def be_impatient(connection: Connection) -> None:
    """Give up the connection when the server says nothing for a second, until it is back in the pool."""
    _driver(connection).expect(_LOOK_SECONDS)


def be_patient(connection: Connection, seconds: int) -> None:
    """Let the statements and locks of this transaction take so long; it ends with the transaction."""
    connection.exec_driver_sql(f"SET LOCAL statement_timeout = {seconds * 1000}")
    connection.exec_driver_sql(f"SET LOCAL lock_timeout = {seconds * 1000}")
    _driver(connection).expect(seconds + WAIT_SECONDS)


# Any, from here on: the driver's module and its connections. It is an extra, so it may not be there.
def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _connect(dialect: Dialect, _record: object, arguments: list[Any], options: dict[str, Any]) -> Any:
    driver: Any = dialect.loaded_dbapi
    return patient_class(driver, _ANSWER_SECONDS).connect(*arguments, **options)


def _put_back(connection: Any, _record: object) -> None:
    # None if the connection was found broken.
    if connection is not None:
        connection.idle = Stopwatch()


def _take_out(dialect: Dialect, connection: Any, _record: object, _proxy: object) -> None:
    # To ask each time would cost a sixth of a refresh. One that was used just now and breaks after all
    # fails its first statement, which has then done nothing.
    is_new = connection.idle is None
    if not is_new and (connection.idle.seconds > _TRUST_SECONDS or connection.has_word()):
        connection.expect(_PING_SECONDS)
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("the server does not answer on this connection") from error
    connection.expect(_ANSWER_SECONDS)
