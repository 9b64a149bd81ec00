"""Audit events: who changed what; written in the transaction of the change, never changed again."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, insert, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from issuer.model.audience import JsonValue
from issuer.model.audit_event import Actor, ActorKind, AuditEvent, NewEvent
from issuer.store.tables import AudienceRow, AuditEventRow, IdentifierRow, ServiceRow

ObjectColumn = InstrumentedAttribute[dict[str, Any] | None]


def add_event(  # noqa: PLR0913 - the columns of one row
    connection: Connection,
    actor: Actor,
    action: str,
    target_kind: str,
    target: str,
    *,
    at: int,
    before: Mapping[str, JsonValue] | None,
    after: Mapping[str, JsonValue] | None,
) -> None:
    """Add one event. at: epoch seconds. before, after: fields that differ, without secrets."""
    connection.execute(
        insert(AuditEventRow).values(
            at=at,
            actor_kind=actor.kind.value,
            actor=actor.name,
            action=action,
            target_kind=target_kind,
            target=target,
            before=before,
            after=after,
            request_id=actor.request_id,
        )
    )


def add_events(connection: Connection, actor: Actor, events: Iterable[NewEvent], *, at: int) -> None:
    """Add the events of one transaction, in one statement. at: epoch seconds."""
    rows = [
        {
            "at": at,
            "actor_kind": actor.kind.value,
            "actor": actor.name,
            "action": event.action,
            "target_kind": event.target_kind,
            "target": event.target,
            "before": event.before,
            "after": event.after,
            "request_id": actor.request_id,
        }
        for event in events
    ]
    if rows:
        connection.execute(insert(AuditEventRow), rows)


def list_events(
    connection: Connection,
    *,
    limit: int,
    before_id: int | None = None,
    target: str | None = None,
    within: Collection[str] | None = None,
) -> tuple[AuditEvent, ...]:
    """Return events, newest first.

    before_id: only older ones than that. target: only of that one. within: as `is_within` takes it, None
    for events of anything.
    """
    statement = select(AuditEventRow).order_by(AuditEventRow.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(AuditEventRow.id < before_id)
    if target is not None:
        statement = statement.where(AuditEventRow.target == target)
    if within is not None:
        statement = statement.where(is_within(connection, within))
    return tuple(_read_event(row) for row in connection.execute(statement))


def list_events_of(
    connection: Connection, ids: Collection[int], within: Collection[str] | None = None
) -> tuple[AuditEvent, ...]:
    """Return the events with these ids, in any order. within: as in `list_events`."""
    statement = select(AuditEventRow).where(AuditEventRow.id.in_(list(ids)))
    if within is not None:
        statement = statement.where(is_within(connection, within))
    return tuple(_read_event(row) for row in connection.execute(statement))


def is_within(connection: Connection, names: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that an event is of services, their audiences or permissions on those.

    names: of the services. An audience is known by every identifier that it ever had: none of them is
    given to another.
    """
    identifiers = (
        select(IdentifierRow.identifier)
        .join(AudienceRow, AudienceRow.id == IdentifierRow.audience_id)
        .join(ServiceRow, ServiceRow.id == AudienceRow.service_id)
        .where(ServiceRow.name.in_(sorted(names)))
    )
    # The target of a permission's event is the client; the audience is what its fields stand under.
    named = or_(
        _names_any(connection, AuditEventRow.before, identifiers),
        _names_any(connection, AuditEventRow.after, identifiers),
    )
    kind, target = AuditEventRow.target_kind, AuditEventRow.target
    return or_(
        and_(kind == "service", target.in_(sorted(names))),
        and_(kind == "audience", target.in_(identifiers)),
        and_(kind == "permission", named),
    )


def _names_any(connection: Connection, column: ObjectColumn, names: Select[str]) -> ColumnElement[bool]:
    """Return the condition that a column's object has a member of any of these names, byte for byte."""
    if connection.dialect.name == "sqlite":
        members = func.json_each(column).table_valued("key", name=f"{column.key}_members")
    else:
        keys = func.json_object_keys(column).table_valued("key", name=f"{column.key}_members")
        members = keys.render_derived()
    return select(true()).select_from(members).where(members.c.key.in_(names)).exists()


def _read_event(row: Row[*tuple[Any, ...]]) -> AuditEvent:  # Any: a row of audit_event
    return AuditEvent(
        id=row.id,
        at=row.at,
        actor=Actor(ActorKind(row.actor_kind), row.actor, row.request_id),
        action=row.action,
        target_kind=row.target_kind,
        target=row.target,
        before=row.before,
        after=row.after,
    )
