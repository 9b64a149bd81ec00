"""The registry as a document: what of it moves from one installation to another, as values.

Left out are the built-in service and the reserved audiences, which every installation has, whatever
is removed, and all secrets and their hashes.
"""

from dataclasses import dataclass
from typing import Final

from issuer.model.audience import ADMIN_API_PATH, AliasMode, AudienceState
from issuer.model.client import ClientState
from issuer.model.service import ServiceState
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService

FORMAT_VERSION: Final = 1
# Stands for the identifier of the admin API's audience, which is another one in each installation.
# No audience can be registered under it: `$` begins no identifier.
ADMIN_API: Final = "${ISSUER_URL}" + ADMIN_API_PATH

SECTIONS: Final = ("trust_groups", "services", "audiences", "clients", "permissions")


@dataclass(frozen=True, slots=True)
class TrustGroupEntry:
    """A trust group and its owner."""

    name: str
    owner: str


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service."""

    new: NewService
    state: ServiceState = ServiceState.ACTIVE


@dataclass(frozen=True, slots=True)
class AliasEntry:
    """An alias of an audience. until: epoch seconds, also in the past; None for no end."""

    identifier: str
    mode: AliasMode
    until: int | None = None


@dataclass(frozen=True, slots=True)
class AudienceEntry:
    """An audience. successor: an identifier, or None."""

    new: NewAudience
    aliases: tuple[AliasEntry, ...] = ()
    state: AudienceState = AudienceState.ACTIVE
    successor: str | None = None


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """A client without its secrets. default_audience: an identifier, ADMIN_API, or None."""

    client_id: str
    new: NewClient
    default_audience: str | None = None
    state: ClientState = ClientState.ACTIVE


@dataclass(frozen=True, slots=True)
class Document:
    """A registry, or a part of one.

    audiences: in order of registration, which is their order in `aud`. permissions: their identifier is
    that of an audience or ADMIN_API. sections: which of SECTIONS are given, be they empty.
    """

    trust_groups: tuple[TrustGroupEntry, ...] = ()
    services: tuple[ServiceEntry, ...] = ()
    audiences: tuple[AudienceEntry, ...] = ()
    clients: tuple[ClientEntry, ...] = ()
    permissions: tuple[NewPermission, ...] = ()
    sections: frozenset[str] = frozenset(SECTIONS)
