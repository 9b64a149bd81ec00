"""The link that makes the first owner: one row at most, with the hash of its secret."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from issuer.store.tables import SetupLinkRow

_ONLY = 1


@dataclass(frozen=True, slots=True)
class StoredLink:
    """The link as it is stored. Times: epoch seconds."""

    secret_hash: bytes
    expires_at: int
    used_at: int | None


def find_link(connection: Connection) -> StoredLink | None:
    """Return the newest link, used or not, or None."""
    row = SetupLinkRow
    found = connection.execute(select(row.secret_hash, row.expires_at, row.used_at)).one_or_none()
    return None if found is None else StoredLink(bytes(found.secret_hash), found.expires_at, found.used_at)


def add_link(connection: Connection, secret_hash: bytes, now: int, expires_at: int) -> None:
    """Put a link into the place of the one before, which opens nothing any more."""
    connection.execute(delete(SetupLinkRow))
    connection.execute(
        insert(SetupLinkRow).values(id=_ONLY, secret_hash=secret_hash, created_at=now, expires_at=expires_at)
    )


def change_used(connection: Connection, now: int) -> None:
    """Write that the link was used."""
    connection.execute(update(SetupLinkRow).where(SetupLinkRow.id == _ONLY).values(used_at=now))
