"""Alembic's entry: runs migrations on the connection that `issuer db …` passes in.

Developers who write a migration name a database of their own instead, twice:
`alembic -x url=sqlite:////tmp/new.sqlite upgrade head`, then the same with `revision --autogenerate -m …`.
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
    _url = context.get_x_argument(as_dictionary=True)["url"]
    with schema.developer_engine(_url).begin() as _connection:
        _run(_connection)
