"""Signing keys as rows: public part in clear, private part sealed."""

from typing import Any

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.signing_key import KeyPurpose, StoredKey
from issuer.store.tables import SigningKeyRow


def list_keys(connection: Connection) -> tuple[StoredKey, ...]:
    """Return all keys whatever their state, newest first."""
    rows = connection.execute(
        select(SigningKeyRow.__table__).order_by(
            SigningKeyRow.signs_from.desc(), SigningKeyRow.created_at.desc(), SigningKeyRow.kid
        )
    )
    return tuple(_read(row) for row in rows)


def add_key(connection: Connection, key: StoredKey) -> bool:
    """Add a key and return whether it was added.

    False where a key of its purpose and algorithm without an end is there already, from whatever
    process (ix_signing_key_one_open); the transaction goes on.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(SigningKeyRow).values(_values(key)).on_conflict_do_nothing().returning(SigningKeyRow.kid)
    )
    return connection.execute(statement).first() is not None


def find_ending(connection: Connection, purpose: KeyPurpose, alg: str, signs_until: int) -> StoredKey | None:
    """Return the key of a purpose and algorithm that ends to sign at that second, None if none does."""
    row = SigningKeyRow
    found = connection.execute(
        select(row.__table__).where(
            row.purpose == purpose.value, row.alg == alg, row.signs_until == signs_until
        )
    ).first()
    return None if found is None else _read(found)


def change_end(
    connection: Connection, kid: str, before: int | None, signs_until: int, overlap_seconds: int
) -> bool:
    """Let a key end to sign; returns False if its end is not `before` any more.

    It goes on verifying for the longest life of what it may have signed, and so much longer.
    """
    row = SigningKeyRow
    changed = connection.execute(
        update(row)
        .where(row.kid == kid, row.signs_until.is_(None) if before is None else row.signs_until == before)
        .values(
            signs_until=signs_until,
            verify_until=row.longest_lifetime_seconds + (signs_until + overlap_seconds),
        )
    )
    return changed.rowcount == 1


def change_start(connection: Connection, kid: str, before: int, signs_from: int) -> bool:
    """Let a key begin to sign; returns False if its beginning is not `before` or its end is set."""
    row = SigningKeyRow
    changed = connection.execute(
        update(row)
        .where(row.kid == kid, row.signs_from == before, row.signs_until.is_(None))
        .values(signs_from=signs_from)
    )
    return changed.rowcount == 1


def change_longest_lifetime(
    connection: Connection, purpose: KeyPurpose, seconds: int, now: int
) -> tuple[str, ...]:
    """Raise the longest lifetime of the keys that still sign to `seconds`; return the kids that knew less.

    An end of verifying that is set already moves on by as much.
    """
    row = SigningKeyRow
    raised = connection.execute(
        update(row)
        .where(
            row.purpose == purpose.value,
            row.longest_lifetime_seconds < seconds,
            row.compromised_at.is_(None),
            row.signs_until.is_(None) | (row.signs_until > now),
        )
        .values(
            verify_until=row.verify_until + (seconds - row.longest_lifetime_seconds),
            longest_lifetime_seconds=seconds,
        )
        .returning(row.kid)
    )
    return tuple(sorted(raised.scalars()))


def _values(key: StoredKey) -> dict[str, Any]:  # Any: columns of several types
    return {
        "kid": key.kid,
        "purpose": key.purpose.value,
        "alg": key.alg,
        "public_jwk": None if key.public_jwk is None else dict(key.public_jwk),
        "sealed": key.sealed,
        "master_key_id": key.master_key_id,
        "created_at": key.created_at,
        "published_at": key.published_at,
        "signs_from": key.signs_from,
        "signs_until": key.signs_until,
        "verify_until": key.verify_until,
        "compromised_at": key.compromised_at,
        "longest_lifetime_seconds": key.longest_lifetime_seconds,
    }


def _read(row: Row[Any]) -> StoredKey:  # Any: a row of signing_key
    return StoredKey(
        kid=row.kid,
        purpose=KeyPurpose(row.purpose),
        alg=row.alg,
        public_jwk=row.public_jwk,
        sealed=row.sealed,
        master_key_id=row.master_key_id,
        created_at=row.created_at,
        published_at=row.published_at,
        signs_from=row.signs_from,
        signs_until=row.signs_until,
        verify_until=row.verify_until,
        compromised_at=row.compromised_at,
        longest_lifetime_seconds=row.longest_lifetime_seconds,
    )
