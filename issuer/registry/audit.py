"""The audit: who changed what in the registry.

A service owner sees what was changed of the own services, their audiences and the permissions on those.
"""

from issuer.errors import InvalidValue
from issuer.model.audit_event import AuditEvent
from issuer.registry import powers
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.store import audit as store

LARGEST_PAGE = 1000


def list_events(
    registrar: Registrar, limit: int = 50, before_id: int | None = None, target: str | None = None
) -> tuple[AuditEvent, ...]:
    """Return events, newest first.

    limit: 1 to 1000. before_id: id of the last event of the page before. target: name of a service,
    identifier of an audience (at the time), or client_id. Raises InvalidValue.
    """
    if not 1 <= limit <= LARGEST_PAGE:
        raise InvalidValue(f"the limit is a number from 1 to {LARGEST_PAGE}")
    with registrar.reading(Power.READ_AUDIT) as connection:
        within = powers.find_limit(registrar.actor, Power.READ_AUDIT)
        return store.list_events(connection, limit=limit, before_id=before_id, target=target, within=within)
