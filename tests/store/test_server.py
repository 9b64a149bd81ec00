"""What the database server takes."""

from sqlalchemy import Engine

from issuer.store import server


def test_connections_are_limited_on_postgresql_only(engine: Engine):
    limit = server.find_connection_limit(engine)

    assert (limit is None) == (engine.dialect.name == "sqlite")
    assert limit is None or limit > 0
