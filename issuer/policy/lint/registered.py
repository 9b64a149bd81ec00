"""What is registered, in one value: all that the rules look at."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from issuer.model.audience import Audience, AudienceId, AudienceState
from issuer.model.client import Client, ClientId, ClientState
from issuer.model.permission import Permission
from issuer.model.service import Service, ServiceState
from issuer.policy.lifetimes import Lifetimes

DAY_SECONDS: Final = 24 * 3600
# How far back uses are looked at: the longest time after which a rule calls anything unused.
LONGEST_UNUSED_SECONDS: Final = 90 * DAY_SECONDS

Pair = tuple[ClientId, AudienceId]

_ISSUING_STATES = frozenset({AudienceState.ACTIVE, AudienceState.DEPRECATED})


@dataclass(frozen=True, slots=True)
class Registered:
    """The registry at one moment.

    All of it, whatever its state. granted_at: when each permission was. last_issued_at: when a client last
    got a token for an audience, within LONGEST_UNUSED_SECONDS. lifetimes: the server's own. Times are
    epoch seconds.
    """

    services: tuple[Service, ...]
    audiences: tuple[Audience, ...]
    clients: tuple[Client, ...]
    permissions: tuple[Permission, ...]
    granted_at: Mapping[Pair, int]
    last_issued_at: Mapping[Pair, int]
    lifetimes: Lifetimes
    now: int

    def list_issuing(self) -> tuple[Audience, ...]:
        """Return the audiences of services for which tokens are issued, without the issuer's own."""
        return tuple(one for one in self.audiences if is_issuing(one) and not one.is_reserved)

    def list_active_clients(self) -> tuple[Client, ...]:
        """Return the clients that may ask."""
        return tuple(client for client in self.clients if client.state is ClientState.ACTIVE)

    def list_live_permissions(self) -> tuple[Permission, ...]:
        """Return the permissions by which somebody can get a token, those on the issuer's own included."""
        active = {client.client_id for client in self.list_active_clients()}
        return tuple(one for one in self.permissions if one.client_id in active and is_issuing(one.audience))


def is_issuing(audience: Audience) -> bool:
    """Return whether tokens are issued for an audience."""
    return audience.state in _ISSUING_STATES and audience.service.state is ServiceState.ACTIVE
