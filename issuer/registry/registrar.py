"""The registrar: on whose behalf, when and in which transaction the registry is read or changed."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.model.audience import JsonValue
from issuer.model.audit_event import Actor, NewEvent
from issuer.model.client import ClientKey
from issuer.store import audit, db, registry_version
from issuer.store.db import Connection, Session
from issuer.store.registry_version import Concern, ConcernKind

Fields = Mapping[str, JsonValue]


@dataclass(slots=True)
class Change:
    """One transaction that changes the registry: its connection and time, and what it did so far."""

    connection: Connection
    actor: Actor
    now: int
    version: int
    _events: list[NewEvent] = field(default_factory=list)
    _concerns: set[Concern] = field(default_factory=set)

    def concerns_client(self, key: ClientKey) -> None:
        """Say that what is cached of one client is stale after this."""
        self._concerns.add(Concern(self.version, ConcernKind.CLIENT, key))

    def concerns_everyone(self) -> None:
        """Say that what is cached of all clients is stale after this."""
        self._concerns.add(Concern(self.version, ConcernKind.EVERYONE))

    def concerns_keys(self) -> None:
        """Say that the signing keys that processes hold are stale after this."""
        self._concerns.add(Concern(self.version, ConcernKind.KEYS))

    def record(
        self, action: str, target_kind: str, target: str, before: Fields | None, after: Fields | None
    ) -> None:
        """Add the audit event of a step.

        before, after: all fields, of which those that differ are kept; None where there was, or is,
        nothing. Never hand in a secret or its hash.
        """
        if before is not None and after is not None:
            before, after = _difference(before, after), _difference(after, before)
        self._events.append(NewEvent(action, target_kind, target, before, after))

    @property
    def is_recorded(self) -> bool:
        """Whether anything was done that is to stay."""
        return bool(self._events)

    def discard(self) -> None:
        """Leave all as it was before this transaction, whatever was recorded so far."""
        self._events.clear()

    def write_down(self) -> None:
        """Write the events and what this version concerns: at least one row, so that none seems lost."""
        audit.add_events(self.connection, self.actor, self._events, at=self.now)
        concerns = self._concerns or {Concern(self.version, ConcernKind.NOBODY)}
        registry_version.add_changes(self.connection, sorted(concerns, key=str), at=self.now)


@dataclass(frozen=True, slots=True)
class Registrar:
    """Who changes the registry, with what clock and entropy, under which issuer.

    session: the caller's; what it read before is forgotten whenever a transaction opens here.
    issuer_url: no audience is registered under it. access_token_max_seconds: no audience exceeds it.
    """

    session: Session
    actor: Actor
    clock: Clock
    entropy: Entropy
    issuer_url: str
    access_token_max_seconds: int

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that only reads; raises TemporarilyUnavailable if the database is away."""
        with db.unavailable_as_refusal():
            db.begin_reading(self.session)
            try:
                yield self.session.connection()
            finally:
                self.session.rollback()

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Open a transaction that changes the registry; one at a time, over all processes.

        It commits with its audit events and concerns in it, or, where nothing was recorded or
        anything is raised, leaves all as it was.
        """
        with db.unavailable_as_refusal():
            db.begin_writing(self.session)
            try:
                connection = self.session.connection()
                version = registry_version.raise_version(connection)
                change = Change(connection, self.actor, self.clock.now(), version)
                yield change
                if change.is_recorded:
                    change.write_down()
                    self.session.commit()
            finally:
                self.session.rollback()


def _difference(one: Fields, other: Fields) -> dict[str, JsonValue]:
    # Compared as JSON: to Python, true equals 1.
    return {name: value for name, value in one.items() if _as_json(value) != _as_json(other[name])}


def _as_json(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)
