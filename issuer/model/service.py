"""A service: a registered party that receives tokens (a resource server, RFC 6749 §1.1)."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

ServiceId = NewType("ServiceId", int)


class ServiceState(StrEnum):
    """Whether tokens are issued for a service's audiences."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Service:
    """A service as registered.

    trust_group: name of the group whose audiences may stand together in one token, or None.
    is_builtin: the issuer itself, "This issuer"; locked.
    """

    id: ServiceId
    name: str
    owner: str
    trust_group: str | None
    state: ServiceState
    is_builtin: bool
    created_at: int
    version: int
