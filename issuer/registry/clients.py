"""Clients: programs that ask for tokens."""

from dataclasses import dataclass

from issuer.model.client import AuthMethod, Client, ClientType, GrantType
from issuer.registry.registrar import Registrar
from issuer.registry.unchanged import UNCHANGED, Unchanged


@dataclass(frozen=True, slots=True)
class NewClient:
    """A client to be registered. service: name of the service it speaks for, or None."""

    name: str
    type: ClientType = ClientType.SERVICE
    grant_types: frozenset[GrantType] = frozenset({GrantType.CLIENT_CREDENTIALS})
    auth_method: AuthMethod = AuthMethod.CLIENT_SECRET_BASIC
    may_use_offline_access: bool = False
    tenant_id: str | None = None
    access_token_max_seconds: int | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class ClientChange:
    """What becomes of a client; fields left out stay.

    default_audience: any spelling of an audience that is permitted to the client, or None.
    service: a name, or None. expected_version: refuse if the client is no longer at this version.
    """

    name: str | Unchanged = UNCHANGED
    type: ClientType | Unchanged = UNCHANGED
    grant_types: frozenset[GrantType] | Unchanged = UNCHANGED
    auth_method: AuthMethod | Unchanged = UNCHANGED
    may_use_offline_access: bool | Unchanged = UNCHANGED
    default_audience: str | None | Unchanged = UNCHANGED
    tenant_id: str | None | Unchanged = UNCHANGED
    access_token_max_seconds: int | None | Unchanged = UNCHANGED
    service: str | None | Unchanged = UNCHANGED
    expected_version: int | None = None


def add_client(registrar: Registrar, new: NewClient) -> tuple[Client, str]:
    """Register a client and return it with its first secret, which nobody can show again.

    The client_id is made of the name. Raises InvalidValue, NotFound for the service, Locked for the
    issuer's own.
    """


def find_client(registrar: Registrar, client_id: str) -> Client:
    """Return the client of that client_id; raises NotFound."""


def list_clients(registrar: Registrar, service: str | None = None) -> tuple[Client, ...]:
    """Return the clients that speak for a service, or all, removed ones included, by client_id.

    Raises NotFound for the service.
    """


def change_client(registrar: Registrar, client_id: str, wanted: ClientChange) -> Client:
    """Change a client and return it; where nothing differs, nothing is written.

    Raises InvalidValue, NotFound, Locked, or Conflict if the client is removed, was changed meanwhile
    or the default audience is not permitted to it.
    """


def disable_client(registrar: Registrar, client_id: str) -> Client:
    """Refuse tokens to a client; what is registered stays. Twice is once."""


def enable_client(registrar: Registrar, client_id: str) -> Client:
    """Give tokens to a disabled client again. Twice is once."""


def remove_client(registrar: Registrar, client_id: str) -> Client:
    """Remove a client for good, with its secrets and permissions; its client_id stays taken. Twice is once."""
