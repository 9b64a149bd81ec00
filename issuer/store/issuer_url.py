"""The one audience whose identifier follows ISSUER_URL: that of the admin REST API."""

from sqlalchemy import Connection, select, update

from issuer.model.audience import RESERVED_ACCESS, RESERVED_REFRESH
from issuer.store.tables import AudienceRow, IdentifierRow

_RESERVED_NAMES = (RESERVED_ACCESS, RESERVED_REFRESH)


def find_api_identifier(connection: Connection) -> str:
    """Return the identifier of the admin API's audience as it is registered now."""
    return connection.execute(
        select(IdentifierRow.identifier)
        .join(AudienceRow, AudienceRow.id == IdentifierRow.audience_id)
        .where(AudienceRow.is_reserved, IdentifierRow.identifier.not_in(_RESERVED_NAMES))
    ).scalar_one()


def change_api_identifier(connection: Connection, old: str, identifier: str, canonical: str) -> None:
    """Register the admin API's audience under another identifier."""
    connection.execute(
        update(IdentifierRow)
        .where(IdentifierRow.identifier == old)
        .values(identifier=identifier, canonical=canonical)
    )


def list_service_identifiers(connection: Connection) -> tuple[str, ...]:
    """Return every spelling of every audience that is not the issuer's own, removed ones included."""
    return tuple(
        connection.execute(
            select(IdentifierRow.identifier)
            .join(AudienceRow, AudienceRow.id == IdentifierRow.audience_id)
            .where(~AudienceRow.is_reserved)
            .order_by(IdentifierRow.identifier)
        ).scalars()
    )
