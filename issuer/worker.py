"""What a serving process does beside its requests: look at the registry, write its counts, tick."""

import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from issuer import logs
from issuer.errors import TemporarilyUnavailable
from issuer.registry import tick

LOOK_SECONDS: Final = 0.4
UPKEEP_SECONDS: Final = 15
FINISH_SECONDS: Final = 6
_WRITE_EVERY_LOOKS: Final = 3
_LAST_TRIES: Final = 3

# Is handed what pauses and tells whether to go on.
Upkeep = Callable[[Callable[[], bool]], None]

_log = logging.getLogger(__name__)


class Worker:
    """The threads of one serving process.

    look: called every 0.4 s. write: called about once a second, and once more at the end. upkeep: called
    every 15 s on a thread of its own, for it may take long and a look must not wait; None for no such.
    """

    def __init__(
        self, look: Callable[[], None], write: Callable[[], None], upkeep: Upkeep | None = None
    ) -> None:
        self._look = look
        self._write = write
        self._stopping = threading.Event()
        # What the database last refused: it may be there to be read and not to be written.
        self._refused: set[Callable[[], None]] = set()
        self._threads = [threading.Thread(target=self._run, name="issuer-worker", daemon=True)]
        if upkeep is not None:
            self._threads.append(
                threading.Thread(target=self._run_upkeep, args=(upkeep,), name="issuer-tick", daemon=True)
            )

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop the threads and write what is still in memory; returns when that is done or impossible."""
        self._stopping.set()
        for thread in self._threads:
            # A write under way holds what it writes: it would be lost with its thread.
            thread.join(timeout=FINISH_SECONDS)
        # The other processes stop at the same moment and write the same rows.
        any(self._try(self._write) for _ in range(_LAST_TRIES))

    def _run(self) -> None:
        looks = 0
        while not self._stopping.wait(LOOK_SECONDS):
            looks += 1
            is_seen = self._try(self._look)
            if is_seen and looks % _WRITE_EVERY_LOOKS == 0:
                self._try(self._write)

    def _run_upkeep(self, upkeep: Upkeep) -> None:
        # One object for all rounds: what the database refused is remembered by what was tried.
        act = partial(upkeep, self._pause)
        while not self._stopping.wait(UPKEEP_SECONDS):
            self._try(act)

    def _pause(self) -> bool:
        """Wait a moment and return whether to go on."""
        return not self._stopping.wait(tick.PAUSE_SECONDS)

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
