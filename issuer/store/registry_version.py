"""The registry's version: one number that every admin transaction raises first."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Select, func, insert, select, update

from issuer.model.client import ClientKey
from issuer.store import batches
from issuer.store.tables import RegistryChangeRow, RegistryVersionRow


class ConcernKind(StrEnum):
    """Whose kept values a change makes stale: one client's, every client's, the signing keys, or none."""

    CLIENT = "client"
    EVERYONE = "everyone"
    KEYS = "keys"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Concern:
    """What a version of the registry concerns. client_key: set for the kind CLIENT only."""

    version: int
    kind: ConcernKind
    client_key: ClientKey | None = None


def raise_version(connection: Connection) -> int:
    """Return the registry's next version, raised now.

    It locks the one row until the transaction ends: whoever changes the registry raises first, so
    that such transactions run one after the other and checks across tables cannot race.
    """
    return connection.execute(
        update(RegistryVersionRow)
        .values(version=RegistryVersionRow.version + 1)
        .returning(RegistryVersionRow.version)
    ).scalar_one()


def find_version(connection: Connection) -> int:
    """Return the registry's version."""
    return connection.execute(select(RegistryVersionRow.version)).scalar_one()


def find_version_and_time_of(connection: Connection, known_version: int) -> tuple[int, int | None]:
    """Return the registry's version, and as `find_changed_at` when the known one was made: in one look."""
    changed_at = _changed_at(known_version).scalar_subquery()
    row = connection.execute(select(RegistryVersionRow.version, changed_at)).one()
    return row[0], row[1]


def find_changed_at(connection: Connection, version: int) -> int | None:
    """Return when a version was made, epoch seconds; None if it was not or its record is removed."""
    return connection.execute(_changed_at(version)).scalar_one()


def list_changes(connection: Connection, after_version: int) -> tuple[Concern, ...]:
    """Return what the versions since that one concern, oldest first; at least one for each of them."""
    rows = connection.execute(
        select(RegistryChangeRow.version, RegistryChangeRow.concern, RegistryChangeRow.client_key)
        .where(RegistryChangeRow.version > after_version)
        .order_by(RegistryChangeRow.version, RegistryChangeRow.id)
    )
    return tuple(Concern(version, ConcernKind(kind), _key(client_key)) for version, kind, client_key in rows)


def add_change(connection: Connection, concern: Concern, *, at: int) -> None:
    """Record what a version of the registry concerns. at: epoch seconds."""
    add_changes(connection, [concern], at=at)


def add_changes(connection: Connection, concerns: Iterable[Concern], *, at: int) -> None:
    """Record all that a version of the registry concerns, in one statement; at least one."""
    rows = [
        {
            "version": concern.version,
            "concern": concern.kind.value,
            "client_key": concern.client_key,
            "at": at,
        }
        for concern in concerns
    ]
    connection.execute(insert(RegistryChangeRow), rows)


def remove_changes(connection: Connection, before: int, limit: int) -> int:
    """Remove up to `limit` records that were made before an epoch second; return how many.

    The newest version's stay, so that nobody who is up to date ever sees a gap.
    """
    current = select(RegistryVersionRow.version).scalar_subquery()
    return batches.remove_batch(
        connection,
        [RegistryChangeRow.id],
        (RegistryChangeRow.at < before) & (RegistryChangeRow.version < current),
        limit,
    )


def _changed_at(version: int) -> Select[int | None]:
    return select(func.max(RegistryChangeRow.at)).where(RegistryChangeRow.version == version)


def _key(client_key: int | None) -> ClientKey | None:
    return None if client_key is None else ClientKey(client_key)
