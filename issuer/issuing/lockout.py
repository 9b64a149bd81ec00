"""The lockout: who has failed to prove to be a client too often, as one process knows it.

Requests neither read nor write the database for it. They count in memory; a thread calls `share_once`
a few times a second, which adds what was counted to the database and takes over what other processes
added. So a guesser who is lucky with the processes has a few more tries in the first second, and
nobody can make the server write by asking.

Two counts are kept. One by client and network decides whether a secret is looked at at all: a good
secret is refused only where that client itself has failed. The other is by network alone and counts
every attempt that fails, whoever was named: it alone decides what those who fail are told. It is never
behind the first, so the answers are the same for clients that are registered and for those that are not.
"""

import threading
from typing import Final

from issuer.clock import Clock
from issuer.model.auth_failure import ANYONE, FailureKey, Failures, Unwritten
from issuer.policy import lockout
from issuer.store import auth_failures
from issuer.store.db import Engine, reading, writing

MOST_COUNTS: Final = 10_000
# Clocks of several machines differ, and what is written may be committed after a later look.
_LOOK_BACK_SECONDS: Final = 60


class Lockout:
    """Failed client authentications, counted."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[FailureKey, Failures] = {}
        # Of the keys in it: most clients never fail, and theirs is the path that must be fast.
        self._clients: set[int] = set()
        self._unwritten: dict[FailureKey, Unwritten] = {}
        self._seen_at = 0

    def is_locked(self, client_key: int, address: str) -> bool:
        """Return whether the secrets of a client are not looked at when they come from an address."""
        if client_key not in self._clients:
            return False
        return self._seconds_left(client_key, lockout.network_of(address)) > 0

    def note_failure(self, client_key: int | None, address: str) -> int:
        """Count a failed attempt; returns for how many seconds attempts were locked before it, 0 for none.

        client_key: None where there is no such client, its secrets were not looked at, or one was good.
        """
        network = lockout.network_of(address)
        seconds_left = self._seconds_left(ANYONE, network)
        more = Unwritten(Failures(1, self._clock.now()))
        with self._lock:
            self._count(FailureKey(ANYONE, network), more)
            if client_key is not None:
                self._count(FailureKey(client_key, network), more)
        return seconds_left

    def note_success(self, client_key: int, address: str) -> None:
        """Forget the failures of a client from the address from which it has just proved itself."""
        if client_key not in self._clients:
            return
        key = FailureKey(client_key, lockout.network_of(address))
        known = self._known.get(key)
        if known is not None and known.count:
            with self._lock:
                self._count(key, Unwritten(Failures(0, self._clock.now()), is_anew=True))

    def share_once(self) -> None:
        """Write what was counted here, and learn what was counted elsewhere.

        Raises TemporarilyUnavailable if the database is away; what was counted is kept for the next time.
        """
        now = self._clock.now()
        self._write(now)
        since = max(self._seen_at - _LOOK_BACK_SECONDS, now - lockout.KEEP_SECONDS)
        with reading(self._engine) as connection:
            found = auth_failures.list_failures(connection, since, MOST_COUNTS)
        with self._lock:
            self._take_over(found, now)
        self._seen_at = now

    def _seconds_left(self, client_key: int, network: str) -> int:
        known = self._known.get(FailureKey(client_key, network))
        return 0 if known is None else lockout.seconds_left(known, self._clock.now())

    def _count(self, key: FailureKey, more: Unwritten) -> None:
        self._keep(key, lockout.add(self._known.get(key), more))
        before = self._unwritten.get(key)
        if before is not None:
            is_anew = before.is_anew or more.is_anew
            more = Unwritten(lockout.add(before.failures, more), is_anew=is_anew)
        elif len(self._unwritten) >= MOST_COUNTS:
            return
        self._unwritten[key] = more

    def _keep(self, key: FailureKey, failures: Failures) -> None:
        if key not in self._known and len(self._known) >= MOST_COUNTS:
            self._known.pop(next(iter(self._known)))
        self._known[key] = failures
        self._clients.add(key.client_key)

    def _write(self, now: int) -> None:
        with self._lock:
            counted, self._unwritten = self._unwritten, {}
        if not counted:
            return
        try:
            with writing(self._engine) as connection:
                auth_failures.add_failures(connection, counted)
                auth_failures.remove_failures(connection, now - lockout.KEEP_SECONDS, MOST_COUNTS)
                auth_failures.remove_oldest(connection, MOST_COUNTS)
        except BaseException:
            self._put_back(counted)
            raise

    def _put_back(self, counted: dict[FailureKey, Unwritten]) -> None:
        with self._lock:
            for key, newer in self._unwritten.items():
                older = counted.get(key)
                if older is None or newer.is_anew:
                    counted[key] = newer
                else:
                    counted[key] = Unwritten(lockout.add(older.failures, newer), is_anew=older.is_anew)
            self._unwritten = counted

    def _take_over(self, found: dict[FailureKey, Failures], now: int) -> None:
        oldest = now - lockout.KEEP_SECONDS
        self._known = {key: known for key, known in self._known.items() if known.last_at >= oldest}
        for key, failures in found.items():
            # What was counted while the database was asked is not in its answer.
            newer = self._unwritten.get(key)
            self._keep(key, failures if newer is None else lockout.add(failures, newer))
        self._clients = {key.client_key for key in self._known}
