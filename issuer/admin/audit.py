"""Audit: who changed what, what it was before and after; filtered, one by one, or as a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from flask import Response, render_template, stream_with_context
from flask.typing import ResponseReturnValue

from issuer.admin import event_links
from issuer.admin.desk import Desk
from issuer.admin.view import View
from issuer.errors import InvalidValue
from issuer.model.audience import JsonValue
from issuer.model.audit_event import ActorKind, AuditEvent
from issuer.model.listing import ListQuery, Page
from issuer.pages import listing, words
from issuer.pages.gate import needs
from issuer.pages.listing import Listing
from issuer.policy import dates
from issuer.registry.listings import audit, export
from issuer.registry.powers import Power

TARGET_KINDS: Final = ("audience", "client", "issuer", "key", "permission", "service", "trust_group", "user")

_DAY_SECONDS = 24 * 3600
_DAY_CHARACTERS = len("2027-01-31")
_FILTERS: Final = {
    "actor_kind": tuple(kind.value for kind in ActorKind),
    "actor": None,
    "action": None,
    "target_kind": TARGET_KINDS,
    "target": None,
    "request_id": None,
    "since": None,
    "until": None,
}
_TIMES = ("_at", "until", "_from")
_EMPTY = ("", "null", "{}", "[]", "false")
_LATEST = 253_402_300_799  # 9999-12-31T23:59:59Z


@dataclass(frozen=True, slots=True)
class Changed:
    """One field that an event changed. before, after: in words, None where there was, or is, nothing."""

    name: str
    before: str | None
    after: str | None

    @property
    def is_empty(self) -> bool:
        """Whether a new thing has this field and nothing in it."""
        return self.before is None and self.after in _EMPTY


class AuditPages:
    """The pages of the audit."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def show(self) -> ResponseReturnValue:
        """Answer with a page of events, the newest first; 422 for a day that is none."""
        asked = _read_listing()
        try:
            found = audit.list_events(self._desk.registrar(), _make_query(asked))
        except InvalidValue as refusal:
            return self._render(asked, None, refusal.detail), 422
        return self._render(asked, found, "")

    def show_event(self, event_id: int) -> str:
        """Answer with one event."""
        event = audit.find_event(self._desk.registrar(), event_id)
        # Not by the Host of the request, which is whatever the browser says.
        address = f"{self._desk.settings.url}/admin/audit/{event.id}"
        return render_template(
            "admin/audit_event.html",
            event=event,
            changes=list_changes(event),
            address=address,
            actor_url=event_links.find_actor_url(self._desk, event),
            targets=event_links.list_target_links(self._desk, event),
        )

    def export(self) -> Response:
        """Answer with all events that the filters find, one JSON object a line, as they are read."""
        asked = _read_listing()
        query = replace(_make_query(asked), cursor="")
        events = audit.stream_events(self._desk.registrar(), query)
        # The first one now: a refusal must not come in the middle of an answer.
        first = next(events, None)
        every = chain(() if first is None else (first,), events)
        lines = stream_with_context(export.write_ndjson(export.AUDIT, every))
        named = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
        return Response(lines, 200, named, content_type="application/x-ndjson")

    def _render(self, asked: Listing, found: Page[AuditEvent] | None, problem: str) -> str:
        events = found.rows if found else ()
        next_url = ""
        if found and found.next_cursor:
            next_url = asked.next_url((found.next_cursor,), asked.shown_before + len(events))
        return render_template(
            "admin/audit.html",
            listing=asked,
            is_limited=self._desk.is_limited(Power.READ_AUDIT),
            problem=problem,
            events=[(event, list_changes(event)) for event in events],
            total=found.total if found and found.is_total_exact else None,
            next_url=next_url,
            target_kinds=TARGET_KINDS,
            export_filters={"q": asked.search or None, **asked.filters},
        )


def list_views(desk: Desk) -> Iterator[View]:
    """Yield the views of the audit."""
    pages = AuditPages(desk)
    reads = needs(Power.READ_AUDIT.value)
    yield View("/audit", "audit", reads, pages.show)
    yield View("/audit/export", "audit_export", reads, pages.export)
    yield View("/audit/<int:event_id>", "audit_event", reads, pages.show_event)


def list_changes(event: AuditEvent) -> list[Changed]:
    """Return the fields that an event changed, by name."""
    before, after = event.before or {}, event.after or {}
    return [
        Changed(
            name,
            _show(name, before[name]) if name in before else None,
            _show(name, after[name]) if name in after else None,
        )
        for name in sorted({*before, *after})
    ]


def _show(name: str, value: JsonValue) -> str:
    """Return a value in words: times, durations and lists as people read them, the rest as JSON has it."""
    if isinstance(value, str):
        return value
    if type(value) is int and name.endswith(_TIMES) and 0 <= value <= _LATEST:
        return words.exact_time(value)
    if type(value) is int and name.endswith("_seconds") and value >= 0:
        return words.duration(value)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return ", ".join(str(one) for one in value)
    if isinstance(value, dict) and value:
        return "; ".join(f"{key}: {_show(key, value[key])}" for key in sorted(value))
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _read_listing() -> Listing:
    return listing.read_listing(("at",), _FILTERS, default="-at")


def _make_query(asked: Listing) -> ListQuery:
    filters = dict(asked.filters)
    for name in ("since", "until"):
        if name in filters:
            filters[name] = str(_read_day(filters[name], is_end=name == "until"))
    cursor = str(asked.after[0]) if asked.after else ""
    return ListQuery(asked.search, filters, asked.sort, asked.is_descending, cursor, listing.PAGE_ROWS)


def _read_day(text: str, *, is_end: bool) -> int:
    """Return when a day begins, or, of the last one, ends; a moment stands for itself."""
    at = dates.read_date(text)
    return at + _DAY_SECONDS if is_end and len(text) == _DAY_CHARACTERS else at
