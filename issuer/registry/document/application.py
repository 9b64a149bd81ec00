"""One application of a document: what it knows while its steps are written, in one transaction."""

from dataclasses import dataclass, field

from issuer.model.audience import Audience, AudienceState
from issuer.model.client import Client
from issuer.model.service import Service
from issuer.registry.document.entries import Document
from issuer.registry.document.snapshot import Snapshot, portable_identifier
from issuer.registry.registrar import Change, Registrar
from issuer.store import audiences


@dataclass(slots=True)
class Application:
    """A document, the registry as it was, and the rows as they are now, by the names of entries.

    renames: old identifiers of audiences by new ones.
    """

    registrar: Registrar
    change: Change
    wanted: Document
    registered: Snapshot
    renames: dict[str, str]
    services: dict[str, Service] = field(init=False)
    audiences: dict[str, Audience] = field(init=False)
    clients: dict[str, Client] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with what is registered."""
        self.services = dict(self.registered.services)
        self.audiences = dict(self.registered.audiences)
        self.clients = dict(self.registered.clients)

    def read_audiences(self) -> None:
        """Read the audiences again: a rename shows in those that name the renamed one."""
        self.audiences = {
            portable_identifier(one): one
            for one in audiences.list_audiences(self.change.connection)
            if one.state is not AudienceState.REMOVED
        }
