"""Secrets of clients: which there are, never what they are."""

from sqlalchemy import Connection, exists, insert, select, update

from issuer.model.client import ClientKey, ClientSecret
from issuer.store.tables import ClientSecretRow


def is_taken(connection: Connection, secret_id: str) -> bool:
    """Return whether a secret of that id was ever made."""
    return bool(connection.execute(select(exists().where(ClientSecretRow.id == secret_id))).scalar_one())


def add_secret(connection: Connection, client_key: ClientKey, secret: ClientSecret) -> None:
    """Add a secret of a client."""
    connection.execute(
        insert(ClientSecretRow).values(
            id=secret.id,
            client_key=client_key,
            label=secret.label,
            secret_hash=secret.secret_hash,
            created_at=secret.created_at,
            expires_at=secret.expires_at,
        )
    )


def change_revoked(connection: Connection, secret_id: str, revoked_at: int) -> None:
    """Write that a secret is useless from a time on, in epoch seconds."""
    connection.execute(
        update(ClientSecretRow).where(ClientSecretRow.id == secret_id).values(revoked_at=revoked_at)
    )
