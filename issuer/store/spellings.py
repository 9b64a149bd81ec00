"""Spellings: every identifier that audiences have or had, in one table with two unique columns."""

from sqlalchemy import Connection, insert, or_, select, update

from issuer.model.audience import AudienceId
from issuer.model.spelling import Spelling, SpellingRole
from issuer.store.tables import IdentifierRow


def find_spelling(connection: Connection, identifier: str, canonical: str) -> Spelling | None:
    """Return the registered spelling that equals `identifier`, or shares its canonical form, or None."""
    row = connection.execute(
        select(IdentifierRow)
        .where(or_(IdentifierRow.identifier == identifier, IdentifierRow.canonical == canonical))
        .order_by((IdentifierRow.identifier == identifier).desc())
    ).first()
    if row is None:
        return None
    return Spelling(
        row.identifier, row.canonical, AudienceId(row.audience_id), SpellingRole(row.role), row.until
    )


def add_spelling(connection: Connection, spelling: Spelling) -> None:
    """Add a spelling that neither byte-wise nor canonically is there yet."""
    connection.execute(
        insert(IdentifierRow).values(
            identifier=spelling.identifier,
            canonical=spelling.canonical,
            audience_id=spelling.audience_id,
            role=spelling.role.value,
            until=spelling.until,
        )
    )


def change_spelling(connection: Connection, spelling: Spelling) -> None:
    """Write the audience, role and date of a spelling that is there."""
    connection.execute(
        update(IdentifierRow)
        .where(IdentifierRow.identifier == spelling.identifier)
        .values(audience_id=spelling.audience_id, role=spelling.role.value, until=spelling.until)
    )
