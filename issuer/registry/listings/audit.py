"""Audit events, page by page; a service owner sees those of the own services, as registry/audit says."""

from collections.abc import Iterator

from issuer.errors import NotFound
from issuer.model.audit_event import AuditEvent
from issuer.model.listing import ListQuery, Page
from issuer.registry import powers
from issuer.registry.listings import page_size
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.store import audit as events
from issuer.store.listings import audit as store

_LARGEST_ID = 2**63 - 1


def list_events(registrar: Registrar, query: ListQuery) -> Page[AuditEvent]:
    """Return a page of audit events, the newest first unless sorted by at; three statements.

    Searched in actor, action and target; filtered by actor, actor_kind, action, target_kind, target,
    request_id, since and until (epoch seconds, the latter not included). Raises InvalidValue.
    """
    return _find(registrar, page_size.check_size(query))


def stream_events(registrar: Registrar, query: ListQuery) -> Iterator[AuditEvent]:
    """Yield all events that a query finds. Raises InvalidValue with the first."""
    return page_size.stream(lambda each: _find(registrar, each), query)


def find_event(registrar: Registrar, event_id: int) -> AuditEvent:
    """Return the event of an id; raises NotFound, also for one that the actor may not see."""
    with registrar.reading(Power.READ_AUDIT) as connection:
        within = powers.find_limit(registrar.actor, Power.READ_AUDIT)
        found = events.list_events_of(connection, [event_id], within) if event_id <= _LARGEST_ID else ()
    if not found:
        raise NotFound(f"there is no audit event {event_id}")
    return found[0]


def _find(registrar: Registrar, query: ListQuery) -> Page[AuditEvent]:
    with registrar.reading(Power.READ_AUDIT) as connection:
        return store.list_page(connection, query, powers.find_limit(registrar.actor, Power.READ_AUDIT))
