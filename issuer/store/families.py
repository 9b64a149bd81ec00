"""Families: one row for a refresh token and all its successors. Rotation is one statement."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from issuer.model.client import ClientKey
from issuer.model.family import EndReason, Family, Incident, Presented
from issuer.model.permission import SubjectKind
from issuer.model.token_plan import Subject
from issuer.store import batches
from issuer.store.prepared import PreparedUpdate
from issuer.store.tables import FamilyRow, IncidentRow

# In the order in which `_read_family` takes them.
_COLUMNS = (
    FamilyRow.id,
    FamilyRow.client_key,
    FamilyRow.subject_kind,
    FamilyRow.sub,
    FamilyRow.tenant_id,
    FamilyRow.granted_aud,
    FamilyRow.granted_scopes,
    FamilyRow.issuer_scopes,
    FamilyRow.kid,
    FamilyRow.generation,
    FamilyRow.created_at,
    FamilyRow.rotated_at,
    FamilyRow.idle_seconds,
    FamilyRow.expires_at,
    FamilyRow.ended_at,
    FamilyRow.end_reason,
)

# Made once: to put them together costs a refresh more than to run them.
_FIND = select(*_COLUMNS).where(FamilyRow.id == bindparam("family_id"))
_FIND_TO_CHANGE = _FIND.with_for_update()
_ROTATE = PreparedUpdate(
    "issuer_rotate",
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
    .returning(*_COLUMNS),
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


def list_families_of(connection: Connection, ids: Collection[str]) -> tuple[tuple[Family, str], ...]:
    """Return the families with these ids, each with the address from which it was last asked for."""
    columns = (FamilyRow.rotated_from, *_COLUMNS)
    found = connection.execute(select(*columns).where(FamilyRow.id.in_(list(ids))))
    return tuple((_read_family(row), address) for address, *row in found)


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
    row = _ROTATE.change_row(
        connection,
        {
            "family_id": presented.family_id,
            "by_client": client_key,
            "presented": presented.generation,
            "now": now,
            "address": address,
            "by_key": kid,
        },
    )
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


def list_incidents(connection: Connection, client_key: ClientKey, limit: int) -> tuple[Incident, ...]:
    """Return the newest incidents of a client, `limit` at most."""
    row = IncidentRow
    found = connection.execute(
        select(
            row.at,
            row.family_id,
            row.client_key,
            row.presented,
            row.stored,
            row.address,
            row.request_id,
            row.rotated_at,
            row.rotated_from,
        )
        .where(row.client_key == client_key)
        .order_by(row.at.desc(), row.id.desc())
        .limit(limit)
    )
    return tuple(Incident(**each) for each in found.mappings())


def find_incident_count(connection: Connection) -> int:
    """Return how often a spent refresh token came back since ever."""
    return connection.execute(select(func.count()).select_from(IncidentRow)).scalar_one()


def _read_family(row: Sequence[Any]) -> Family:  # Any: a row of `_COLUMNS`
    family_id, client_key, kind, sub, tenant_id, aud, scopes, issuer_scopes, *state = row
    kid, generation, created_at, rotated_at, idle_seconds, expires_at, ended_at, end_reason = state
    return Family(
        id=family_id,
        client_key=ClientKey(client_key),
        subject=Subject(SubjectKind(kind), sub, tenant_id),
        audiences=tuple(aud),
        scopes=tuple(scopes),
        issuer_scopes=tuple(issuer_scopes),
        kid=kid,
        generation=generation,
        created_at=created_at,
        rotated_at=rotated_at,
        idle_seconds=idle_seconds,
        expires_at=expires_at,
        ended_at=ended_at,
        end_reason=None if end_reason is None else EndReason(end_reason),
    )
