"""PostgreSQL connections of the driver's own kind that never wait for ever, and rotate in two round trips.

For a refresh the driver would ask three times, BEGIN, UPDATE and COMMIT, each at the price of an ES256
signature. So the one statement of a refresh is sent together with its BEGIN, and its answer and that to
COMMIT are waited for here, on the driver's own lower floor (`psycopg.pq`).
"""

import select
from collections.abc import Callable, Generator, Sequence
from functools import cache
from typing import Any, Final

from issuer.clock import Stopwatch

_LISTEN_SECONDS: Final = 0.1
_MILLISECONDS: Final = 1000

Value = str | int | None
Row = tuple[Any, ...]  # Any: what the driver makes of the columns


@cache
def patient_class(driver: Any, seconds: float) -> Any:  # Any: a module that may not be there, and its class
    """Return the class of connections of a driver that give up after so many seconds of silence."""
    own = {
        "_driver": driver,
        "_seconds": seconds,
        "_synced": driver.pq.ExecStatus.PIPELINE_SYNC,
        "_failed": driver.pq.ExecStatus.FATAL_ERROR,
        "_in_no_transaction": driver.pq.TransactionStatus.IDLE,
        "_lost": driver.pq.ConnStatus.BAD,
    }
    return type("PatientConnection", (_Patient, driver.Connection), own)


class _Patient:
    """A connection that closes itself when the server says nothing for too long."""

    # Since it was put back; None for one that never was.
    idle: Stopwatch | None = None

    # Any: the driver, its states, and what a connection of its has.
    _driver: Any
    _synced: Any
    _failed: Any
    _in_no_transaction: Any
    _lost: Any
    _seconds: float
    pgconn: Any
    adapters: Any
    closed: bool
    close: Callable[[], None]

    def __init__(self, *arguments: Any, **options: Any) -> None:  # Any: the driver's own
        super().__init__(*arguments, **options)
        self._listener = _listen_to(self.pgconn.socket, select.POLLIN)
        # The statements that the server knows, and what reads the columns of each, by name.
        self._known: set[bytes] = set()
        self._loads: dict[bytes, tuple[Callable[[bytes], Any], ...]] = {}

    def expect(self, seconds: float) -> None:
        """Give up after so many seconds of silence, from now on."""
        self._seconds = seconds

    def has_word(self) -> bool:
        """Return whether the server has said anything unasked: that is, that the connection has ended."""
        return self.closed or bool(self._listener.poll(0))

    def wait(self, work: Any, *_arguments: object, **_options: object) -> Any:  # Any: whatever is asked
        """Return what the work returns; raises OperationalError after too long a silence."""
        try:
            wanted = next(work)
        except StopIteration as done:
            # Nothing to wait for, as where a transaction is to be undone and none is open.
            return done.value
        return super().wait(self._listen(work, wanted), _LISTEN_SECONDS)  # type: ignore[misc] # the driver's

    def rollback(self) -> None:
        """Undo as the driver does; each time a connection is put back there is nothing to undo."""
        if self.pgconn.transaction_status != self._in_no_transaction:
            super().rollback()  # type: ignore[misc] # the driver's

    def commit(self) -> None:
        """Commit as the driver does, and raise what it raises."""
        if self.pgconn.transaction_status == self._in_no_transaction:
            return
        self.pgconn.send_query(b"COMMIT")
        self._hear(until=None)

    def change_row(self, name: bytes, text: str, values: Sequence[Value]) -> Row | None:
        """Run a statement that gives one row at most, in one round trip; return the row, None for none.

        A transaction is begun if none is open. name: the statement's own. Raises the driver's errors.
        """
        begins = self.pgconn.transaction_status == self._in_no_transaction
        try:
            return self._change_row(name, text, values, begins=begins)
        except self._driver.errors.InvalidSqlStatementName:
            # The driver lets the server forget all statements now and then, as after a ROLLBACK.
            self._known.discard(name)
            if not begins:
                raise
            self.rollback()
            return self._change_row(name, text, values, begins=True)

    def _change_row(self, name: bytes, text: str, values: Sequence[Value], *, begins: bool) -> Row | None:
        pgconn = self.pgconn
        if name not in self._known:
            pgconn.send_prepare(name, text.encode())
            self._hear(until=None)
            self._known.add(name)
        pgconn.enter_pipeline_mode()
        if begins:
            pgconn.send_query_params(b"BEGIN", None)
        pgconn.send_query_prepared(name, [None if value is None else str(value).encode() for value in values])
        pgconn.pipeline_sync()
        return self._read(name, self._hear(until=self._synced))

    def _read(self, name: bytes, result: Any) -> Row | None:
        if not result.ntuples:
            return None
        loads = self._loads.get(name) or self._make_loads(name, result)
        values = [result.get_value(0, column) for column in range(len(loads))]
        return tuple(
            None if value is None else load(value) for load, value in zip(loads, values, strict=True)
        )

    def _make_loads(self, name: bytes, result: Any) -> tuple[Callable[[bytes], Any], ...]:
        kinds = [result.ftype(column) for column in range(result.nfields)]
        loaders = [self.adapters.get_loader(kind, self._driver.pq.Format.TEXT) for kind in kinds]
        self._loads[name] = tuple(
            loader(kind, self).load for loader, kind in zip(loaders, kinds, strict=True)
        )
        return self._loads[name]

    def _hear(self, until: Any) -> Any:
        """Return the last result of what was sent; raises the driver's error if any of them is one.

        until: the status of what stands behind the last one, None if nothing does.
        """
        self._send()
        results = self._take_results(until)
        for result in results:
            if result.status == self._failed:
                raise self._driver.errors.error_from_result(result)
        if self.pgconn.status == self._lost:
            raise self._driver.OperationalError("the server has gone")
        return results[-1]

    def _take_results(self, until: Any) -> list[Any]:
        results = []
        while self.pgconn.status != self._lost:
            while self.pgconn.is_busy():
                self._wait_for(self._listener)
            result = self.pgconn.get_result()
            # None stands behind the results of each statement.
            if result is not None and result.status != until:
                results.append(result)
            elif result is not None:
                self.pgconn.exit_pipeline_mode()
                break
            elif until is None:
                break
        return results

    def _send(self) -> None:
        if self.pgconn.flush():
            listener = _listen_to(self.pgconn.socket, select.POLLIN | select.POLLOUT)
            while self.pgconn.flush():
                self._wait_for(listener)

    def _wait_for(self, listener: select.poll) -> None:
        if not listener.poll(self._seconds * _MILLISECONDS):
            raise self._give_up()
        self.pgconn.consume_input()

    def _listen(self, work: Generator[Any, Any, Any], wanted: Any) -> Generator[Any, Any, Any]:
        # The driver asks a generator what to wait for and tells it what came, or nothing.
        silences, most_silences = 0, round(self._seconds / _LISTEN_SECONDS)
        try:
            while True:
                heard = yield wanted
                silences = 0 if heard else silences + 1
                if silences >= most_silences:
                    raise self._give_up()
                wanted = work.send(heard)
        except StopIteration as done:
            return done.value

    def _give_up(self) -> Exception:
        self.close()
        error: Exception = self._driver.OperationalError("the server says nothing")
        return error


def _listen_to(descriptor: int, events: int) -> select.poll:
    listener = select.poll()
    listener.register(descriptor, events)
    return listener
