"""An audit event: who changed what, and what it was before."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from issuer.model.audience import JsonValue


class ActorKind(StrEnum):
    """From where a change came."""

    TERMINAL = "terminal"
    USER = "user"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change. name: the operating system's user, the admin's name, or the part of the server."""

    kind: ActorKind
    name: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """What one step changed, not written yet; before and after as in AuditEvent."""

    action: str
    target_kind: str
    target: str
    before: Mapping[str, JsonValue] | None
    after: Mapping[str, JsonValue] | None


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One change. before and after hold the fields that differ; secrets never stand in them."""

    id: int
    at: int
    actor: Actor
    action: str
    target_kind: str
    target: str
    before: Mapping[str, JsonValue] | None
    after: Mapping[str, JsonValue] | None
