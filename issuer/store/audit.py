"""Audit events: who changed what; written in the transaction of the change, never changed again."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, insert, select

from issuer.model.audience import JsonValue
from issuer.model.audit_event import Actor, ActorKind, AuditEvent, NewEvent
from issuer.store.tables import AuditEventRow


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
    connection: Connection, *, limit: int, before_id: int | None = None, target: str | None = None
) -> tuple[AuditEvent, ...]:
    """Return events, newest first. before_id: only older ones than that. target: only of that one."""
    statement = select(AuditEventRow).order_by(AuditEventRow.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(AuditEventRow.id < before_id)
    if target is not None:
        statement = statement.where(AuditEventRow.target == target)
    return tuple(
        AuditEvent(
            id=row.id,
            at=row.at,
            actor=Actor(ActorKind(row.actor_kind), row.actor, row.request_id),
            action=row.action,
            target_kind=row.target_kind,
            target=row.target,
            before=row.before,
            after=row.after,
        )
        for row in connection.execute(statement)
    )
