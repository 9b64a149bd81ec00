"""Families: one row for a refresh token and all its successors. Rotation is one statement."""

from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update

from issuer.model.client import ClientKey
from issuer.model.family import EndReason, Family, Incident, Presented
from issuer.model.permission import SubjectKind
from issuer.model.token_plan import Subject
from issuer.store import batches
from issuer.store.tables import FamilyRow, IncidentRow

_COLUMNS = tuple(FamilyRow.__table__.columns)

# Made once: to put them together costs a refresh more than to run them.
_FIND = select(*_COLUMNS).where(FamilyRow.id == bindparam("family_id"))
_FIND_TO_CHANGE = _FIND.with_for_update()
_ROTATE = (
    update(FamilyRow)
    .where(
        FamilyRow.id == bindparam("family_id"),
        FamilyRow.client_key == bindparam("by_client"),
        FamilyRow.generation == bindparam("presented"),
        FamilyRow.ended_at.is_(None),
    )
    .values(
        generation=FamilyRow.generation + 1,
        rotated_at=bindparam("now"),
        rotated_from=bindparam("address"),
        kid=bindparam("by_key"),
    )
    .returning(*_COLUMNS)
)


def add_family(connection: Connection, family: Family, address: str) -> None:
    """Add a family in its first generation, made for a request from `address`."""
    connection.execute(
        insert(FamilyRow).values(
            id=family.id,
            client_key=family.client_key,
            sub=family.subject.sub,
            subject_kind=family.subject.kind.value,
            tenant_id=family.subject.tenant_id,
            granted_aud=list(family.audiences),
            granted_scopes=list(family.scopes),
            issuer_scopes=list(family.issuer_scopes),
            kid=family.kid,
            generation=family.generation,
            created_at=family.created_at,
            rotated_at=family.rotated_at,
            rotated_from=address,
            idle_seconds=family.idle_seconds,
            expires_at=family.expires_at,
        )
    )


def find_family(connection: Connection, family_id: str) -> Family | None:
    """Return a family, None if there is none."""
    row = connection.execute(_FIND, {"family_id": family_id}).first()
    return None if row is None else _read_family(row)


def find_family_to_change(connection: Connection, family_id: str) -> Family | None:
    """Return a family as `find_family` does, and let nobody else change it before the transaction ends."""
    # SQLite knows no FOR UPDATE, and needs none: its writing transactions run one after the other.
    row = connection.execute(_FIND_TO_CHANGE, {"family_id": family_id}).first()
    return None if row is None else _read_family(row)


def change_generation(
    connection: Connection, presented: Presented, client_key: ClientKey, kid: str, now: int, address: str
) -> Family | None:
    """Rotate: return the family in the generation after the presented one.

    None if that is not the current one, or the family ended or another client's. One statement, so that
    one of any number of racing requests wins, on every database.
    """
    row = connection.execute(
        _ROTATE,
        {
            "family_id": presented.family_id,
            "by_client": client_key,
            "presented": presented.generation,
            "now": now,
            "address": address,
            "by_key": kid,
        },
    ).first()
    return None if row is None else _read_family(row)


def change_ended(connection: Connection, family_id: str, reason: EndReason, now: int) -> bool:
    """End a family; returns False if it had ended before, or there is none."""
    ended = connection.execute(
        update(FamilyRow)
        .where(FamilyRow.id == family_id, FamilyRow.ended_at.is_(None))
        .values(ended_at=now, end_reason=reason.value)
    )
    return ended.rowcount == 1


def change_all_ended(
    connection: Connection, reason: EndReason, now: int, client_key: ClientKey | None = None
) -> int:
    """End all families of a client, or of everyone, that have not ended; return how many."""
    statement = update(FamilyRow).where(FamilyRow.ended_at.is_(None))
    if client_key is not None:
        statement = statement.where(FamilyRow.client_key == client_key)
    ended = connection.execute(statement.values(ended_at=now, end_reason=reason.value))
    return ended.rowcount


def find_rotated_from(connection: Connection, family_id: str) -> str:
    """Return the address from which the current generation was asked for, "" if there is no family."""
    found = connection.execute(select(FamilyRow.rotated_from).where(FamilyRow.id == family_id)).scalar()
    return found or ""


def remove_expired(connection: Connection, before: int, limit: int) -> int:
    """Remove up to `limit` families whose absolute end was before an epoch second; return how many.

    Incidents stay: they name families, and outlive them.
    """
    return batches.remove_batch(connection, [FamilyRow.id], FamilyRow.expires_at < before, limit)


def remove_ended(connection: Connection, before: int, limit: int) -> int:
    """Remove up to `limit` families that were ended before an epoch second; return how many."""
    return batches.remove_batch(connection, [FamilyRow.id], FamilyRow.ended_at < before, limit)


def add_incident(connection: Connection, incident: Incident) -> None:
    """Remember that a spent refresh token came back."""
    connection.execute(
        insert(IncidentRow).values(
            at=incident.at,
            family_id=incident.family_id,
            client_key=incident.client_key,
            presented=incident.presented,
            stored=incident.stored,
            address=incident.address,
            request_id=incident.request_id,
            rotated_at=incident.rotated_at,
            rotated_from=incident.rotated_from,
        )
    )


def find_incident_count(connection: Connection) -> int:
    """Return how often a spent refresh token came back since ever."""
    return connection.execute(select(func.count()).select_from(IncidentRow)).scalar_one()


def _read_family(row: Row[Any]) -> Family:  # Any: a row of family
    return Family(
        id=row.id,
        client_key=ClientKey(row.client_key),
        subject=Subject(SubjectKind(row.subject_kind), row.sub, row.tenant_id),
        audiences=tuple(row.granted_aud),
        scopes=tuple(row.granted_scopes),
        issuer_scopes=tuple(row.issuer_scopes),
        kid=row.kid,
        generation=row.generation,
        created_at=row.created_at,
        rotated_at=row.rotated_at,
        idle_seconds=row.idle_seconds,
        expires_at=row.expires_at,
        ended_at=row.ended_at,
        end_reason=None if row.end_reason is None else EndReason(row.end_reason),
    )
