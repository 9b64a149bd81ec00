"""A registry change: which part of the registry a version of it concerns."""

from dataclasses import dataclass
from enum import StrEnum

from issuer.model.client import ClientKey


class Concern(StrEnum):
    """Whose cached values a change makes stale: one client's, every client's, or the signing keys."""

    CLIENT = "client"
    EVERYONE = "everyone"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class RegistryChange:
    """One concern of one version. client_key: set for Concern.CLIENT only."""

    version: int
    concern: Concern
    client_key: ClientKey | None = None
