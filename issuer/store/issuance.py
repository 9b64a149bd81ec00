"""Issuance: a row for each issued token, where ISSUER_AUDIT_ISSUANCE asks for rows beside log lines."""

from dataclasses import asdict

from sqlalchemy import Connection, insert

from issuer.model.issuance import Issuance
from issuer.store.tables import IssuanceRow


def add_issuance(connection: Connection, issued: Issuance) -> None:
    """Add the row of one issued token."""
    connection.execute(insert(IssuanceRow).values(**asdict(issued)))
