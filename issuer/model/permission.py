"""A permission: this client may ask for this audience, with these scopes, for itself and/or for a user."""

from dataclasses import dataclass
from enum import StrEnum

from issuer.model.audience import Audience, AudienceId
from issuer.model.client import Client, ClientId


class SubjectKind(StrEnum):
    """Whom a token speaks of: the client itself or a user."""

    CLIENT = "client"
    USER = "user"


class PermittedSubject(StrEnum):
    """For whom a permission may be used."""

    CLIENT = "client"
    USER = "user"
    BOTH = "both"

    def covers(self, kind: SubjectKind) -> bool:
        """Return whether a token for this kind of subject may be asked for."""
        return self is PermittedSubject.BOTH or self.value == kind.value


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission as registered. default_scopes: part of scopes; empty means all of them."""

    client_id: ClientId
    audience: Audience
    scopes: frozenset[str]
    default_scopes: frozenset[str]
    subject: PermittedSubject
    version: int


@dataclass(frozen=True, slots=True)
class IdlePermission:
    """A permission that has not been used for long. granted_at: epoch seconds."""

    client_id: ClientId
    audience_id: AudienceId
    identifier: str
    granted_at: int


@dataclass(frozen=True, slots=True)
class ClientRecord:
    """A client with all it may ask for: what one token request needs to know, in one value.

    permissions: in the order in which their audiences were registered.
    speaks_for: the audiences of the service that the client speaks for, whatever their states.
    """

    client: Client
    permissions: tuple[Permission, ...]
    speaks_for: tuple[Audience, ...] = ()
