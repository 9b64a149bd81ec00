"""The registry as the token path sees it: one frozen value per client, kept in memory.

Requests never wait for a look at the database once their client is known. A thread calls
`check_once` a few times a second: it drops what an admin changed, so a change takes effect
everywhere within a second. While the database is away, what is known goes on serving for a
bounded time, and what is not known is refused at once.
"""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from issuer.clock import Clock
from issuer.errors import TemporarilyUnavailable
from issuer.model.permission import ClientRecord
from issuer.registry.directory import Directory
from issuer.store import audiences, client_records, registry_version
from issuer.store.db import Connection, Engine, looking, reading
from issuer.store.registry_version import Concern, ConcernKind

MOST_RECORDS: Final = 10_000
_LONGEST_CLIENT_ID = 255


@dataclass(frozen=True, slots=True)
class _News:
    """What a look found. changed_at: of the version. concerns: of all since the known one, if they tell."""

    version: int
    changed_at: int | None
    concerns: tuple[Concern, ...]


class RegistryCache:
    """What one process knows of the registry.

    reload_keys: called when a change concerns the signing keys.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        stale_seconds: int,
        reload_keys: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._stale_seconds = stale_seconds
        self._reload_keys = reload_keys
        self._lock = threading.Lock()
        self._records: dict[str, ClientRecord] = {}
        self._directory: Directory | None = None
        self._version = 0
        self._changed_at: int | None = None
        self._seen_at = clock.monotonic()
        self._is_away = False

    @property
    def age_seconds(self) -> float:
        """How long ago the registry was last seen to be what is kept here."""
        return self._clock.monotonic() - self._seen_at

    @property
    def is_stale(self) -> bool:
        """Whether the registry has not been seen for so long that nothing is served from here."""
        return self.age_seconds > self._stale_seconds

    def find_record(self, client_id: str) -> ClientRecord | None:
        """Return the record of a client, None if there is none.

        Without SQL once the client is known. Raises TemporarilyUnavailable if the database is away
        and the client not known, or the registry was not seen for `stale_seconds`.
        """
        if self.is_stale:
            raise TemporarilyUnavailable("the registry has not been seen for too long")
        record = self._records.get(client_id)
        if record is not None:
            return record
        if self._is_away:
            raise TemporarilyUnavailable("the database is away and this client is not in memory")
        if len(client_id) > _LONGEST_CLIENT_ID or not client_id.isascii():
            return None
        return self._load(client_id)

    def describe_targets(self, identifiers: Iterable[str]) -> str:
        """Return what is known of the identifiers a refused request named: for logs and admins only."""
        try:
            return "; ".join(self._find_directory().describe(identifier) for identifier in identifiers)
        except TemporarilyUnavailable:
            return "the database is away, so nothing more is known of the targets"

    def check_once(self) -> None:
        """Look once whether the registry has changed, and drop what did.

        Raises TemporarilyUnavailable if the database is away.
        """
        try:
            with looking(self._engine) as connection:
                news = self._find_news(connection)
        except TemporarilyUnavailable:
            self._is_away = True
            raise
        if news is not None:
            self._drop(news)
        self._seen_at = self._clock.monotonic()
        self._is_away = False

    def _find_news(self, connection: Connection) -> _News | None:
        version, known_at = registry_version.find_version_and_time_of(connection, self._version)
        # A restored backup, or a standby that lagged, may reach the known version a second time, or pass
        # it: later, and with other changes.
        is_known = known_at == self._changed_at
        if is_known and version == self._version:
            return None
        concerns = registry_version.list_changes(connection, self._version) if is_known else ()
        return _News(version, registry_version.find_changed_at(connection, version), concerns)

    def _load(self, client_id: str) -> ClientRecord | None:
        with reading(self._engine) as connection:
            # The version first: the record is then at least as new as the version says.
            version = registry_version.find_version(connection)
            record = client_records.find_record(connection, client_id)
        with self._lock:
            # A record older than the last look is answered with, but not kept: its change has been dropped.
            if record is not None and version >= self._version:
                if len(self._records) >= MOST_RECORDS:
                    self._records.pop(next(iter(self._records)))
                self._records[client_id] = record
        return record

    def _drop(self, news: _News) -> None:
        # A gap (old rows are swept) and an older version (a restored backup) do not tell what
        # changed: then everything is dropped.
        told = {concern.version for concern in news.concerns}
        is_told = news.version > self._version and told == set(range(self._version + 1, news.version + 1))
        kinds = {concern.kind for concern in news.concerns}
        keys = {concern.client_key for concern in news.concerns}
        if not is_told or ConcernKind.KEYS in kinds:
            self._reload_keys()
        with self._lock:
            if not is_told or ConcernKind.EVERYONE in kinds:
                self._records = {}
            else:
                self._records = {
                    client_id: record
                    for client_id, record in self._records.items()
                    if record.client.key not in keys
                }
            self._directory = None
            self._version, self._changed_at = news.version, news.changed_at

    def _find_directory(self) -> Directory:
        directory = self._directory
        if directory is None:
            if self._is_away:
                raise TemporarilyUnavailable("the database is away and the directory not in memory")
            with reading(self._engine) as connection:
                version = registry_version.find_version(connection)
                directory = Directory(audiences.list_identifiers(connection))
            with self._lock:
                # As in _load: one that is older than the last look is not kept.
                if version >= self._version:
                    self._directory = directory
        return directory
