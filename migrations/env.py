"""Alembic's entry: runs migrations on the connection that `issuer db …` passes in.

Developers' `alembic revision` has no connection; it then uses ISSUER_DATABASE_URL's default through
`issuer.store.schema.developer_engine`.
"""

from alembic import context
from sqlalchemy import Connection

from issuer.store import schema
from issuer.store.tables import Base


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        transaction_per_migration=False,
        compare_type=True,
        compare_server_default=False,
    )
    context.run_migrations()


_given = context.config.attributes.get("connection")
if _given is not None:
    _run(_given)
else:
    with schema.developer_engine().begin() as _connection:
        _run(_connection)
