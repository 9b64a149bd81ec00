"""A client: a registered program that asks for tokens (RFC 6749 §2)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from issuer.model.audience import AudienceId
from issuer.model.service import ServiceId

# Begins every client secret, so that scanners of repositories, and our own log, know one when they see it.
SECRET_PREFIX = "isr_"  # noqa: S105 - the beginning of all of them
ClientId = NewType("ClientId", str)
ClientKey = NewType("ClientKey", int)


class ClientState(StrEnum):
    """Whether a client may ask for tokens."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REMOVED = "removed"


class ClientType(StrEnum):
    """What kind of program a client is; it decides what a form offers first, never what is allowed."""

    SERVICE = "service"
    WEB = "web"
    NATIVE = "native"
    DEVICE = "device"
    MCP = "mcp"


class GrantType(StrEnum):
    """The grant types that this server knows (RFC 6749 §4)."""

    CLIENT_CREDENTIALS = "client_credentials"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - a grant type, not a token


class AuthMethod(StrEnum):
    """How a client proves who it is at the token endpoint (RFC 7591 §2)."""

    CLIENT_SECRET_BASIC = "client_secret_basic"  # noqa: S105 - a method, not a password
    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105 - a method, not a password


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One of a client's secrets, without the secret. Times are epoch seconds; secret_hash is SHA-256.

    id: what an admin names to revoke it; no part of the secret.
    """

    id: str
    label: str
    secret_hash: bytes
    created_at: int
    last_used_at: int | None
    expires_at: int | None
    revoked_at: int | None

    def is_usable(self, now: int) -> bool:
        """Return whether the secret still authenticates."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def __repr__(self) -> str:
        return f"ClientSecret(id={self.id!r}, label={self.label!r})"


@dataclass(frozen=True, slots=True)
class Client:
    """A client as registered.

    key: the row's number, for tables; client_id is what the world sees.
    may_use_offline_access: an admin's switch that goes beyond a SHOULD of RFC 6749 §4.4.3.
    default_audience: the audience of a request that names none, or None.
    access_token_max_seconds: caps what audiences grant, or None.
    service: the service that this client speaks for (introspection), or None.
    secrets: all that were ever made, oldest first.
    """

    key: ClientKey
    client_id: ClientId
    name: str
    type: ClientType
    grant_types: frozenset[GrantType]
    auth_method: AuthMethod
    may_use_offline_access: bool
    default_audience: AudienceId | None
    tenant_id: str | None
    access_token_max_seconds: int | None
    service: ServiceId | None
    state: ClientState
    secrets: tuple[ClientSecret, ...]
    created_at: int
    version: int
