"""The registry's version: one number that every admin transaction raises first."""

from sqlalchemy import Connection, insert, select, update

from issuer.model.client import ClientKey
from issuer.model.registry_change import Concern, RegistryChange
from issuer.store.tables import RegistryChangeRow, RegistryVersionRow


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


def list_changes(connection: Connection, after_version: int) -> tuple[RegistryChange, ...]:
    """Return what changed since a version, oldest first."""
    rows = connection.execute(
        select(RegistryChangeRow.version, RegistryChangeRow.concern, RegistryChangeRow.client_key)
        .where(RegistryChangeRow.version > after_version)
        .order_by(RegistryChangeRow.id)
    )
    return tuple(
        RegistryChange(
            row.version, Concern(row.concern), None if row.client_key is None else ClientKey(row.client_key)
        )
        for row in rows
    )


def add_change(connection: Connection, change: RegistryChange) -> None:
    """Record which part of the registry a version concerns."""
    connection.execute(
        insert(RegistryChangeRow).values(
            version=change.version, concern=change.concern.value, client_key=change.client_key
        )
    )
