"""Families: an admin ends them, so that clients start afresh."""

from issuer.model.family import EndReason
from issuer.registry import client_rules
from issuer.registry.registrar import Registrar
from issuer.store import families


def end_families(registrar: Registrar, client_id: str | None = None) -> int:
    """End all families of a client, or of everyone, and return how many that were; twice is once.

    Access tokens that came from them are inactive at introspection from then on. Raises NotFound.
    """
    with registrar.change() as change:
        client = None if client_id is None else client_rules.require_client(change.connection, client_id)
        key = None if client is None else client.key
        ended = families.change_all_ended(change.connection, EndReason.ADMIN, change.now, key)
        if ended:
            target = ("issuer", registrar.issuer_url) if client is None else ("client", client.client_id)
            change.record("families.ended", *target, None, {"ended": ended})
        return ended
