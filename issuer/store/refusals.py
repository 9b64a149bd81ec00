"""The last refusals: the newest are kept, so that they stay few whoever asks in vain."""

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, true

from issuer.model.audience import AudienceId
from issuer.model.client import ClientKey
from issuer.model.refusal_note import KeptRefusal, RefusalNote
from issuer.model.spelling import SpellingRole
from issuer.store import batches
from issuer.store.tables import ClientRow, IdentifierRow, RefusalRow

MOST_KEPT: Final = 20_000
MOST_OF_A_CLIENT: Final = 200


def add_refusals(
    connection: Connection, noted: Sequence[tuple[RefusalNote, AudienceId | None]], batch_rows: int
) -> None:
    """Add refusals, each with the audience it asked for, and remove as many of the oldest as are too many.

    batch_rows: how many to remove at most. Three statements.
    """
    if not noted:
        return
    connection.execute(insert(RefusalRow), [_values(note, audience_id) for note, audience_id in noted])
    newest = connection.execute(select(func.max(RefusalRow.id))).scalar_one()
    # By number, which leads straight there: numbers that were skipped only make it fewer.
    batches.remove_batch(connection, [RefusalRow.id], RefusalRow.id <= newest - MOST_KEPT, batch_rows)


def find_spellings(connection: Connection, asked: Mapping[str, str]) -> dict[str, AudienceId]:
    """Return the audiences that bear these identifiers or share their canonical forms, by asked identifier.

    asked: canonical forms by identifier, "" where only the identifier itself counts. One statement.
    """
    if not asked:
        return {}
    found = connection.execute(
        select(IdentifierRow.identifier, IdentifierRow.canonical, IdentifierRow.audience_id).where(
            or_(IdentifierRow.identifier.in_(asked.keys()), IdentifierRow.canonical.in_(asked.values()))
        )
    ).all()
    exact = {row.identifier: AudienceId(row.audience_id) for row in found}
    canonical = {row.canonical: AudienceId(row.audience_id) for row in found}
    named = {identifier: exact.get(identifier, canonical.get(form)) for identifier, form in asked.items()}
    return {identifier: audience_id for identifier, audience_id in named.items() if audience_id is not None}


def list_refusals(connection: Connection, limit: int) -> tuple[KeptRefusal, ...]:
    """Return the newest refusals of all clients, the newest first."""
    return _list(connection, limit, true())


def list_refusals_of_client(connection: Connection, key: ClientKey, limit: int) -> tuple[KeptRefusal, ...]:
    """Return the newest refusals of a client, the newest first."""
    return _list(connection, limit, RefusalRow.client_key == key)


def list_refusals_for_audience(
    connection: Connection, audience_id: AudienceId, limit: int
) -> tuple[KeptRefusal, ...]:
    """Return the newest refusals of whoever asked for an audience, the newest first."""
    return _list(connection, limit, RefusalRow.audience_id == audience_id)


def remove_refusals(connection: Connection, before: int, limit: int) -> int:
    """Remove up to `limit` refusals from before an epoch second; return how many."""
    return batches.remove_batch(connection, [RefusalRow.id], RefusalRow.at < before, limit)


def remove_excess(connection: Connection, limit: int) -> int:
    """Remove up to `limit` refusals of clients that have more than MOST_OF_A_CLIENT; return how many."""
    place = func.row_number().over(partition_by=RefusalRow.client_key, order_by=RefusalRow.id.desc())
    placed = select(RefusalRow.id, place.label("place")).subquery()
    found = connection.execute(select(placed.c.id).where(placed.c.place > MOST_OF_A_CLIENT).limit(limit))
    ids = list(found.scalars())
    if ids:
        connection.execute(delete(RefusalRow).where(RefusalRow.id.in_(ids)))
    return len(ids)


def _list(connection: Connection, limit: int, of: ColumnElement[bool]) -> tuple[KeptRefusal, ...]:
    is_primary = and_(
        IdentifierRow.audience_id == RefusalRow.audience_id,
        IdentifierRow.role == SpellingRole.PRIMARY.value,
    )
    rows = connection.execute(
        select(RefusalRow, ClientRow.client_id, ClientRow.name, IdentifierRow.identifier)
        .join_from(RefusalRow, ClientRow, ClientRow.key == RefusalRow.client_key)
        .outerjoin(IdentifierRow, is_primary)
        .where(of)
        .order_by(RefusalRow.id.desc())
        .limit(limit)
    )
    return tuple(
        KeptRefusal(
            id=row.id,
            client_id=row.client_id,
            client_name=row.name,
            audience=row.identifier,
            note=RefusalNote(
                at=row.at,
                client_key=ClientKey(row.client_key),
                asked=tuple(row.asked),
                grant_type=row.grant_type,
                error=row.error,
                reason=row.reason,
                request_id=row.request_id,
                address=row.address,
                left_out=row.left_out,
            ),
        )
        for row in rows
    )


def _values(note: RefusalNote, audience_id: AudienceId | None) -> dict[str, object]:
    return {
        "at": note.at,
        "client_key": note.client_key,
        "audience_id": audience_id,
        "asked": list(note.asked),
        "grant_type": note.grant_type,
        "error": note.error,
        "reason": note.reason,
        "request_id": note.request_id,
        "address": note.address,
        "left_out": note.left_out,
    }
