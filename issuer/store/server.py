"""The database server: what it can take."""

from sqlalchemy import Engine, text

from issuer.store.db import reading


def find_connection_limit(engine: Engine) -> int | None:
    """Return how many connections the server takes from all programs that are no superusers.

    None for SQLite, which has no limit. Raises TemporarilyUnavailable if the database is away.
    """
    if engine.dialect.name == "sqlite":
        return None
    with reading(engine) as connection:
        most, kept = (
            int(connection.execute(text(f"SHOW {name}")).scalar_one())
            for name in ("max_connections", "superuser_reserved_connections")
        )
    return most - kept
