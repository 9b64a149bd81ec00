"""The list of audit events. Three statements."""

from collections.abc import Collection
from dataclasses import replace

from sqlalchemy import Connection, select

from issuer.errors import InvalidValue
from issuer.model.audit_event import ActorKind, AuditEvent
from issuer.model.listing import ListQuery, Page
from issuer.store import audit
from issuer.store.listings import paging
from issuer.store.listings.paging import Condition, Listing, SortColumn
from issuer.store.tables import AuditEventRow

_LONGEST_TIME = 12


def list_page(
    connection: Connection, query: ListQuery, within: Collection[str] | None = None
) -> Page[AuditEvent]:
    """Return a page of audit events; raises InvalidValue as `paging.find_page` does.

    within: names of services, of which alone events are to be found; None for all.

    Sorted by at, which is the order in which they were written; filtered by actor, actor_kind, action,
    target_kind, target, request_id, since and until (epoch seconds, the latter not included).
    """
    listing = _LISTING
    if within is not None:
        listing = replace(_LISTING, source=_LISTING.source.where(audit.is_within(connection, within)))
    found = paging.find_page(connection, listing, query)
    by_id = {event.id: event for event in audit.list_events_of(connection, found.keys)}
    return found.page(tuple(by_id[key] for key in found.keys))


def _since(sent: str) -> Condition:
    return AuditEventRow.at >= _epoch_seconds(sent)


def _until(sent: str) -> Condition:
    return AuditEventRow.at < _epoch_seconds(sent)


def _epoch_seconds(sent: str) -> int:
    if not (sent.isascii() and sent.isdigit() and len(sent) <= _LONGEST_TIME):
        raise InvalidValue("this filter takes epoch seconds")
    return int(sent)


_LISTING = Listing(
    name="audit",
    source=select(AuditEventRow.id),
    tie=SortColumn(AuditEventRow.id, int),
    sorts={"at": SortColumn(AuditEventRow.id, int)},
    searched=(AuditEventRow.actor, AuditEventRow.action, AuditEventRow.target),
    filters={
        "actor": paging.exactly(AuditEventRow.actor),
        "actor_kind": paging.one_of(AuditEventRow.actor_kind, {kind.value: kind.value for kind in ActorKind}),
        "action": paging.exactly(AuditEventRow.action),
        "target_kind": paging.exactly(AuditEventRow.target_kind),
        "target": paging.exactly(AuditEventRow.target),
        "request_id": paging.exactly(AuditEventRow.request_id),
        "since": _since,
        "until": _until,
    },
    hidden={},
    is_newest_first=True,
)
