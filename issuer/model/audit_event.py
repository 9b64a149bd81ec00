"""An audit event: who changed what, and what it was before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from issuer.model.audience import JsonValue
from issuer.model.user import Authority


class ActorKind(StrEnum):
    """From where a change came."""

    TERMINAL = "terminal"
    USER = "user"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who makes a change. name: the operating system's user, the user's name, or the part of the server.

    authority: of a user who has signed in; a user without one may do nothing but sign in. The terminal
    and the server itself need none. It is no part of who somebody is, and is not kept in the audit.
    """

    kind: ActorKind
    name: str
    request_id: str | None = None
    authority: Authority | None = field(default=None, compare=False)


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
