"""Revocations: access tokens by jti until they would have expired, and families that have ended."""

from sqlalchemy import Connection, bindparam, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.client import ClientKey
from issuer.store import batches
from issuer.store.tables import FamilyRow, RevokedTokenRow

# Made once: to put it together costs an introspection more than to run it.
_IS_REVOKED = select(
    exists().where(RevokedTokenRow.jti == bindparam("jti"))
    | exists().where(FamilyRow.id == bindparam("family_id"), FamilyRow.ended_at.is_not(None))
)


def add_revoked_token(
    connection: Connection, jti: str, client_key: ClientKey, now: int, expires_at: int
) -> bool:
    """Remember that an access token is revoked; returns False if it is remembered already."""
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    added = connection.execute(
        insert(RevokedTokenRow)
        .values(jti=jti, client_key=client_key, revoked_at=now, expires_at=expires_at)
        .on_conflict_do_nothing(index_elements=["jti"])
        .returning(RevokedTokenRow.jti)
    )
    return added.first() is not None


def is_revoked(connection: Connection, jti: str, family_id: str | None) -> bool:
    """Return whether an access token is revoked, by itself or with its family; one statement."""
    return bool(connection.execute(_IS_REVOKED, {"jti": jti, "family_id": family_id}).scalar())


def remove_expired_tokens(connection: Connection, before: int, limit: int) -> int:
    """Forget up to `limit` revoked tokens that expired before an epoch second; return how many."""
    return batches.remove_batch(connection, [RevokedTokenRow.jti], RevokedTokenRow.expires_at < before, limit)
