"""Issuance: a row for each issued token, where ISSUER_AUDIT_ISSUANCE asks for rows beside log lines."""

from dataclasses import asdict

from sqlalchemy import Connection, insert

from issuer.model.issuance import Issuance
from issuer.store import batches
from issuer.store.tables import IssuanceRow


def add_issuance(connection: Connection, issued: Issuance) -> None:
    """Add the row of one issued token."""
    connection.execute(insert(IssuanceRow).values(**asdict(issued)))


def remove_issuances(connection: Connection, before: int, now: int, limit: int) -> int:
    """Remove up to `limit` rows of tokens issued before an epoch second; return how many.

    Those of tokens that have not expired at `now` stay.
    """
    return batches.remove_batch(
        connection, [IssuanceRow.jti], (IssuanceRow.at < before) & (IssuanceRow.exp <= now), limit
    )
