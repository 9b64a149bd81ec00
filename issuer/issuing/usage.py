"""Counts of what was issued and refused, summed in memory and written once a second.

The last second is lost if the process is killed: the log lines are the record, these are sums.
"""

import threading
from collections.abc import Iterable

from issuer.model import duration
from issuer.model.duration import DurationSum
from issuer.model.usage import UsageKey, UsageSum
from issuer.store import clients, durations, usage
from issuer.store.db import Engine, writing

_HOUR_SECONDS = 3600
_NO_AUDIENCE = (0,)


class UsageCounter:
    """Sums by hour, client, audience, grant type and outcome; durations; when secrets were last used."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        # Count, last time and latest end, changed in place: this is done for every token.
        self._sums: dict[UsageKey, list[int]] = {}
        self._secrets: dict[str, int] = {}
        # Plain pairs of count and microseconds: this is written for every token request.
        self._durations: dict[int, tuple[int, int]] = {}

    def count(
        self,
        now: int,
        client_key: int,
        audience_ids: Iterable[int],
        grant_type: str,
        outcome: str,
        exp: int = 0,
    ) -> None:
        """Count one answer, once for each audience; for none under audience 0."""
        hour = now - now % _HOUR_SECONDS
        with self._lock:
            for audience_id in audience_ids or _NO_AUDIENCE:
                key = UsageKey(hour, client_key, audience_id, grant_type, outcome)
                _add(self._sums.setdefault(key, [0, 0, 0]), 1, now, exp)

    def note_secret(self, secret_id: str, now: int) -> None:
        """Remember that a secret has just authenticated its client."""
        with self._lock:
            self._secrets[secret_id] = now

    def note_duration(self, seconds: float) -> None:
        """Count how long a token request took."""
        bound, microseconds = duration.bound_of(seconds), int(seconds * 1_000_000)
        with self._lock:
            count, sum_microseconds = self._durations.get(bound, (0, 0))
            self._durations[bound] = (count + 1, sum_microseconds + microseconds)

    def write_once(self) -> None:
        """Write what has come together; what cannot be written is kept for the next time.

        Raises TemporarilyUnavailable if the database is away.
        """
        with self._lock:
            sums, self._sums = self._sums, {}
            secrets, self._secrets = self._secrets, {}
            took, self._durations = self._durations, {}
        if not sums and not secrets and not took:
            return
        try:
            with writing(self._engine) as connection:
                usage.add_counts(connection, {key: UsageSum(*total) for key, total in sums.items()})
                durations.add_durations(
                    connection, {bound: DurationSum(*each) for bound, each in took.items()}
                )
                clients.change_last_used(connection, secrets)
        except BaseException:
            self._put_back(sums, secrets, took)
            raise

    def _put_back(
        self, sums: dict[UsageKey, list[int]], secrets: dict[str, int], took: dict[int, tuple[int, int]]
    ) -> None:
        with self._lock:
            for key, total in sums.items():
                _add(self._sums.setdefault(key, [0, 0, 0]), *total)
            self._secrets = {**secrets, **self._secrets}
            for bound, (count, microseconds) in took.items():
                more_count, more_microseconds = self._durations.get(bound, (0, 0))
                self._durations[bound] = (count + more_count, microseconds + more_microseconds)


def _add(total: list[int], count: int, last_at: int, max_exp: int) -> None:
    total[0] += count
    total[1] = max(total[1], last_at)
    total[2] = max(total[2], max_exp)
