"""Rows of lists: what a table of the console shows of one thing, whole."""

from dataclasses import dataclass

from issuer.model.audience import Audience
from issuer.model.client import Client, ClientId, ClientState
from issuer.model.family import Family
from issuer.model.permission import Permission
from issuer.model.service import Service


@dataclass(frozen=True, slots=True)
class Use:
    """How much something was used. hourly: tokens issued in each hour, the oldest first, this one last.

    last_at: when the last token was issued, epoch seconds, None if never, or so long ago that it was swept.
    """

    hourly: tuple[int, ...]
    last_at: int | None

    @property
    def total(self) -> int:
        """Return how many tokens were issued in all these hours."""
        return sum(self.hourly)


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """A service. audiences: how many it has, removed ones left out. clients: how many speak for it."""

    service: Service
    audiences: int
    clients: int


@dataclass(frozen=True, slots=True)
class AudienceRow:
    """An audience. clients: how many active ones may ask for it. successor: named when it was deprecated."""

    audience: Audience
    clients: int
    use: Use
    successor: Audience | None


@dataclass(frozen=True, slots=True)
class ClientRow:
    """A client. audiences: how many it may ask for, of those for which tokens are issued."""

    client: Client
    audiences: int
    use: Use


@dataclass(frozen=True, slots=True)
class PermissionRow:
    """A permission with the client that has it. granted_at, last_used_at: epoch seconds."""

    permission: Permission
    client_id: ClientId
    client_name: str
    client_state: ClientState
    access_token_max_seconds: int | None
    granted_at: int
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class FamilyRow:
    """A family of a client. rotated_from: the address that asked for its current generation."""

    family: Family
    rotated_from: str
