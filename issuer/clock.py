"""The one place where time is read; everything else is handed a Clock."""

import time


class Clock:
    """The system's clock. Tests hand in one that stands still."""

    def now(self) -> int:
        """Return the current time as epoch seconds, rounded down."""
        return int(time.time())

    def monotonic(self) -> float:
        """Return seconds on a clock that is never set back; only differences mean anything."""
        return time.monotonic()


class Stopwatch:
    """How long something has really taken: threads and servers do not wait for a test's clock."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """The seconds since this was made."""
        return time.monotonic() - self._began
