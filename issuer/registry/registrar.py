"""The registrar: on whose behalf, when and in which transaction the registry is read or changed."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.errors import NotAllowed
from issuer.model.audience import JsonValue
from issuer.model.audit_event import Actor, NewEvent
from issuer.model.client import ClientKey
from issuer.model.user import UserState
from issuer.registry import powers
from issuer.registry.powers import Power
from issuer.store import audit, db, registry_version, users
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
    power: Power
    _is_within_service: bool = False
    _events: list[NewEvent] = field(default_factory=list)
    _concerns: set[Concern] = field(default_factory=set)

    def within_service(self, name: str) -> None:
        """Say of which service something is changed; raises NotAllowed if it is not the actor's.

        Who may change only what is of named services can change nothing in a transaction that never
        says it.
        """
        powers.check_service(self.actor, self.power, name)
        self._is_within_service = True

    def require(self, power: Power) -> None:
        """Say that a step takes another power as well; raises NotAllowed or StepUpRequired without it."""
        powers.check(self.actor, power, self.now)

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

    def check_said(self) -> None:
        """Raise NotAllowed if the actor may act in named services only and none was said."""
        if not self._is_within_service and powers.is_limited(self.actor, self.power):
            raise NotAllowed(f"{self.power.value} was not said to be within a service")

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
    def reading(self, power: Power = Power.READ) -> Iterator[Connection]:
        """Open a transaction that only reads.

        Raises NotAllowed if the actor may not, TemporarilyUnavailable if the database is away.
        """
        powers.check(self.actor, power, self.clock.now())
        with db.unavailable_as_refusal():
            db.begin_reading(self.session)
            try:
                yield self.session.connection()
            finally:
                self.session.rollback()

    @contextmanager
    def noting(self, power: Power) -> Iterator[Connection]:
        """Open a transaction that writes what no admin decides: that somebody was seen, or failed.

        Nothing of it is audited or concerns anything that is cached. Raises as `reading`.
        """
        powers.check(self.actor, power, self.clock.now())
        with db.unavailable_as_refusal():
            db.begin_writing(self.session)
            try:
                yield self.session.connection()
                self.session.commit()
            finally:
                self.session.rollback()

    @contextmanager
    def change(self, power: Power) -> Iterator[Change]:
        """Open a transaction that changes the registry; one at a time, over all processes.

        power: what the actor needs for it; raises NotAllowed, or StepUpRequired where the password has
        to be given again. It commits with its audit events and concerns in it, or, where nothing was
        recorded or anything is raised, leaves all as it was.
        """
        powers.check(self.actor, power, self.clock.now())
        with db.unavailable_as_refusal():
            db.begin_writing(self.session)
            try:
                connection = self.session.connection()
                version = registry_version.raise_version(connection)
                _check_current(connection, self.actor)
                change = Change(connection, self.actor, self.clock.now(), version, power)
                yield change
                change.check_said()
                if change.is_recorded:
                    change.write_down()
                    self.session.commit()
            finally:
                self.session.rollback()


def _check_current(connection: Connection, actor: Actor) -> None:
    """Raise NotAllowed if a user is no longer what the request began with.

    Changes of users come one at a time as well: what was taken away is not used a moment later.
    """
    authority = actor.authority
    if authority is None:
        return
    user = users.find_user_by_id(connection, authority.user_id)
    if (
        user is None
        or user.state is not UserState.ACTIVE
        or (user.role, frozenset(user.services)) != (authority.role, authority.services)
    ):
        raise NotAllowed(f"what {actor.name} may do was changed meanwhile")


def _difference(one: Fields, other: Fields) -> dict[str, JsonValue]:
    # Compared as JSON: to Python, true equals 1.
    return {name: value for name, value in one.items() if _as_json(value) != _as_json(other[name])}


def _as_json(value: JsonValue) -> str:
    return json.dumps(value, sort_keys=True)
