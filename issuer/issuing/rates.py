"""How many tokens a client may ask for: a bucket for each, in the memory of one process.

A bucket holds `burst` requests and refills with `per_second`. Nothing is shared: with several
processes a client has as many buckets, so this bounds what one client takes; it is no quota.
"""

import threading
from typing import Final

from issuer.clock import Clock
from issuer.errors import RateLimited
from issuer.model.client import Client

MOST_BUCKETS: Final = 10_000


class Rates:
    """The buckets of one process. per_second: 0 for no limit. burst: at least 1."""

    def __init__(self, per_second: int, burst: int, clock: Clock) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._lock = threading.Lock()
        # By client: how much was left, and when that was.
        self._buckets: dict[int, tuple[float, float]] = {}

    def take(self, client: Client) -> None:
        """Take one request from a client's bucket; raises RateLimited if there is none in it."""
        if not self._per_second:
            return
        now = self._clock.monotonic()
        with self._lock:
            # Popped and set: whoever has not asked for longest stands first.
            left, at = self._buckets.pop(client.key, (self._burst, now))
            left = min(self._burst, left + (now - at) * self._per_second)
            is_enough = left >= 1
            if len(self._buckets) >= MOST_BUCKETS:
                self._buckets.pop(next(iter(self._buckets)))
            self._buckets[client.key] = (left - 1 if is_enough else left, now)
        if not is_enough:
            # It has refilled within a second, whatever the rate: the smallest is one a second.
            raise RateLimited(f"{client.client_id} asks for more than {self._per_second} tokens a second", 1)
