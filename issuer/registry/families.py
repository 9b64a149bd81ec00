"""Families: an admin ends them, so that clients start afresh."""

from typing import Final

from issuer.errors import NotFound
from issuer.model.family import EndReason, Incident
from issuer.registry import client_rules
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.store import families

MOST_INCIDENTS: Final = 20


def end_families(registrar: Registrar, client_id: str | None = None) -> int:
    """End all families of a client, or of everyone, and return how many that were; twice is once.

    Access tokens that came from them are inactive at introspection from then on. Raises NotFound.
    """
    with registrar.change(Power.FAMILIES) as change:
        client = None if client_id is None else client_rules.require_client(change.connection, client_id)
        key = None if client is None else client.key
        ended = families.change_all_ended(change.connection, EndReason.ADMIN, change.now, key)
        if ended:
            target = ("issuer", registrar.issuer_url) if client is None else ("client", client.client_id)
            change.record("families.ended", *target, None, {"ended": ended})
        return ended


def end_family(registrar: Registrar, client_id: str, family_id: str) -> bool:
    """End one family of a client; returns False if it had ended before.

    Raises NotFound if there is no such client, or it has no such family.
    """
    with registrar.change(Power.FAMILIES) as change:
        client = client_rules.require_client(change.connection, client_id)
        # PostgreSQL takes no NUL, not even to compare.
        family = families.find_family(change.connection, family_id) if family_id.isprintable() else None
        if family is None or family.client_key != client.key:
            raise NotFound(f"{client_id} has no family {family_id}")
        is_ended = families.change_ended(change.connection, family_id, EndReason.ADMIN, change.now)
        if is_ended:
            change.record("family.ended", "client", client.client_id, None, {"family": family_id})
        return is_ended


def list_incidents(registrar: Registrar, client_id: str, limit: int = MOST_INCIDENTS) -> tuple[Incident, ...]:
    """Return the newest returns of spent refresh tokens of a client. Raises NotFound."""
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        return families.list_incidents(connection, client.key, min(limit, MOST_INCIDENTS))
