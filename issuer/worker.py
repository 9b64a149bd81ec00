"""What a serving process does beside its requests: look at the registry, write its counts."""

import logging
import threading
from collections.abc import Callable
from typing import Final

from issuer import logs
from issuer.errors import TemporarilyUnavailable

LOOK_SECONDS: Final = 0.4
_WRITE_EVERY_LOOKS: Final = 3

_log = logging.getLogger(__name__)


class Worker:
    """The thread of one serving process.

    look: called every 0.4 s. write: called about once a second, and once more at the end.
    """

    def __init__(self, look: Callable[[], None], write: Callable[[], None]) -> None:
        self._look = look
        self._write = write
        self._stopping = threading.Event()
        # What the database last refused: it may be there to be read and not to be written.
        self._refused: set[Callable[[], None]] = set()
        self._thread = threading.Thread(target=self._run, name="issuer-worker", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread and write what is still in memory; returns when that is done or impossible."""
        self._stopping.set()
        self._thread.join(timeout=2 * LOOK_SECONDS)
        self._try(self._write)

    def _run(self) -> None:
        looks = 0
        while not self._stopping.wait(LOOK_SECONDS):
            looks += 1
            is_seen = self._try(self._look)
            if is_seen and looks % _WRITE_EVERY_LOOKS == 0:
                self._try(self._write)

    def _try(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except TemporarilyUnavailable as refusal:
            if not self._refused:
                _log.warning("the database is away: %s", refusal.detail)
            self._refused.add(act)
            return False
        except Exception as error:  # noqa: BLE001 - a thread that ends would leave the process blind
            _log.error("the worker thread failed: %s", logs.describe_fault(error))
            return False
        if act in self._refused:
            self._refused.remove(act)
            if not self._refused:
                _log.warning("the database is back")
        return True
