"""The registry as a document, for another installation or for a repository."""

from issuer.registry.document import snapshot
from issuer.registry.document.entries import Document
from issuer.registry.registrar import Registrar


def export(registrar: Registrar) -> Document:
    """Return what is registered, of one moment; raises TemporarilyUnavailable if the database is away."""
    with registrar.reading() as connection:
        return snapshot.take(connection).document
