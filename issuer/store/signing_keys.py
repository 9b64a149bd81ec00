"""Signing keys as rows: public part in clear, private part sealed."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from issuer.model.audience import AudienceId
from issuer.model.signing_key import KeyLine, KeyPurpose, StoredKey
from issuer.model.spelling import SpellingRole
from issuer.store.tables import IdentifierRow, SigningKeyRow

_NEWEST_FIRST = (SigningKeyRow.signs_from.desc(), SigningKeyRow.created_at.desc(), SigningKeyRow.kid)


def list_keys(connection: Connection) -> tuple[StoredKey, ...]:
    """Return all keys whatever their state, newest first."""
    rows = connection.execute(select(SigningKeyRow.__table__).order_by(*_NEWEST_FIRST))
    return tuple(_read(row) for row in rows)


def list_named_keys(connection: Connection) -> tuple[tuple[StoredKey, str | None], ...]:
    """Return all keys as `list_keys` does, each with the identifier of the audience it is kept for."""
    is_name = and_(
        IdentifierRow.audience_id == SigningKeyRow.audience_id,
        IdentifierRow.role == SpellingRole.PRIMARY.value,
    )
    rows = connection.execute(
        select(SigningKeyRow.__table__, IdentifierRow.identifier)
        .outerjoin_from(SigningKeyRow, IdentifierRow, is_name)
        .order_by(*_NEWEST_FIRST)
    )
    return tuple((_read(row), row.identifier) for row in rows)


def add_key(connection: Connection, key: StoredKey) -> bool:
    """Add a key and return whether it was added.

    False where the key itself, or one of its line without an end, is there already, from whatever process
    (ix_signing_key_one_open, ix_signing_key_one_open_of_audience); the transaction goes on.
    """
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = (
        insert(SigningKeyRow).values(_values(key)).on_conflict_do_nothing().returning(SigningKeyRow.kid)
    )
    return connection.execute(statement).first() is not None


def find_key(connection: Connection, kid: str) -> StoredKey | None:
    """Return the key of that kid, whatever its state, or None."""
    found = connection.execute(select(SigningKeyRow.__table__).where(SigningKeyRow.kid == kid)).first()
    return None if found is None else _read(found)


def may_own_key_sign(connection: Connection, audience_id: AudienceId, now: int) -> bool:
    """Return whether a key of an audience's own signs for it, or will."""
    row = SigningKeyRow
    found = connection.execute(
        select(row.kid)
        .where(
            row.audience_id == audience_id,
            row.signs_until.is_(None) | (row.signs_until > now),
            row.compromised_at.is_(None),
        )
        .limit(1)
    )
    return found.first() is not None


def find_ending(connection: Connection, line: KeyLine, signs_until: int) -> StoredKey | None:
    """Return the key of a line that ends to sign at that second, None if none does.

    Of several, for one that was withdrawn never signed, the one that began last before.
    """
    row = SigningKeyRow
    found = connection.execute(
        select(row.__table__)
        .where(
            row.purpose == line.purpose.value,
            row.alg == line.alg,
            row.audience_id.is_(None) if line.audience_id is None else row.audience_id == line.audience_id,
            row.signs_until == signs_until,
            row.signs_from < row.signs_until,
            row.compromised_at.is_(None),
            row.erased_at.is_(None),
        )
        .order_by(row.signs_from.desc())
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


def change_reopened(connection: Connection, kid: str, before: int) -> bool:
    """Let a key sign on without an end; returns False if its end is not `before` any more."""
    row = SigningKeyRow
    changed = connection.execute(
        update(row)
        .where(row.kid == kid, row.signs_until == before, row.compromised_at.is_(None))
        .values(signs_until=None, verify_until=None)
    )
    return changed.rowcount == 1


def change_withdrawn(
    connection: Connection, kid: str, before: int | None, now: int, verify_until: int | None = None
) -> bool:
    """End a key that has not begun to sign; returns False if it has, or its end is not `before` any more.

    It has signed nothing, so it verifies nothing either. verify_until: until when it is published all the
    same, for those who fetch the keys from where it stands.
    """
    row = SigningKeyRow
    changed = connection.execute(
        update(row)
        .where(
            row.kid == kid,
            row.signs_from > now,
            row.signs_until.is_(None) if before is None else row.signs_until == before,
        )
        .values(signs_from=now, signs_until=now, verify_until=now if verify_until is None else verify_until)
    )
    return changed.rowcount == 1


def change_compromised(connection: Connection, kid: str, now: int) -> bool:
    """End a key for good and erase its private part; returns False if it was compromised already."""
    row = SigningKeyRow
    ends = func.coalesce(row.signs_until, now)
    changed = connection.execute(
        update(row)
        .where(row.kid == kid, row.compromised_at.is_(None))
        .values(
            compromised_at=now,
            signs_until=ends,
            verify_until=func.coalesce(row.verify_until, ends),
            sealed=b"",
            erased_at=now,
        )
    )
    return changed.rowcount == 1


def change_erased(connection: Connection, kids: Collection[str], now: int) -> None:
    """Erase the private parts of keys; their rows stay."""
    connection.execute(
        update(SigningKeyRow).where(SigningKeyRow.kid.in_(sorted(kids))).values(sealed=b"", erased_at=now)
    )


def change_start(connection: Connection, kid: str, before: int, signs_from: int) -> bool:
    """Let a key begin to sign; returns False if its beginning is not `before` or its end is set.

    It was published no later than that, whatever a clock said that was set back since.
    """
    row = SigningKeyRow
    changed = connection.execute(
        update(row)
        .where(row.kid == kid, row.signs_from == before, row.signs_until.is_(None))
        .values(
            signs_from=signs_from,
            published_at=case((row.published_at > signs_from, signs_from), else_=row.published_at),
        )
    )
    return changed.rowcount == 1


def change_longest_lifetime(
    connection: Connection, purpose: KeyPurpose, seconds: int, now: int, skew_seconds: int
) -> tuple[str, ...]:
    """Raise the longest lifetime of the keys that still sign to `seconds`; return the kids that knew less.

    An end of verifying that is set already moves on by as much, and so does the time until which shared
    keys verify beside an audience's own. skew_seconds: a clock may be so far behind, and the key that ended
    since goes on signing there.
    """
    row = SigningKeyRow
    may_sign = (row.signs_until > now - skew_seconds) & (row.signs_from < row.signs_until)
    raised = connection.execute(
        update(row)
        .where(
            row.purpose == purpose.value,
            row.longest_lifetime_seconds < seconds,
            row.compromised_at.is_(None),
            row.signs_until.is_(None) | may_sign,
        )
        .values(
            verify_until=row.verify_until + (seconds - row.longest_lifetime_seconds),
            shared_until=case(
                (row.shared_until > now, row.shared_until + (seconds - row.longest_lifetime_seconds)),
                else_=row.shared_until,
            ),
            longest_lifetime_seconds=seconds,
        )
        .returning(row.kid)
    )
    return tuple(sorted(raised.scalars()))


def change_sealed(connection: Connection, kid: str, before: bytes, master_key_id: str, sealed: bytes) -> bool:
    """Seal a key anew; returns False if what is sealed is not `before` any more."""
    row = SigningKeyRow
    changed = connection.execute(
        update(row)
        .where(row.kid == kid, row.sealed == before)
        .values(master_key_id=master_key_id, sealed=sealed)
    )
    return changed.rowcount == 1


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
        "audience_id": key.audience_id,
        "shared_until": key.shared_until,
        "erased_at": key.erased_at,
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
        audience_id=None if row.audience_id is None else AudienceId(row.audience_id),
        shared_until=row.shared_until,
        erased_at=row.erased_at,
    )
