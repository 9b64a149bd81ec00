"""Migrations: up and down on both databases, with rows, and the same by whoever comes at once."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, select, text

from issuer.errors import StartRefusal
from issuer.model.audit_event import Actor, ActorKind
from issuer.registry import audiences, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService
from issuer.store import db, schema
from issuer.store.tables import Base, IdentifierRow, RegistryVersionRow, ServiceRow


def open_engine(url):
    parsed = db.make_url_of(url)
    engine = create_engine(parsed, **db.engine_options(parsed, 2))
    db.prepare_engine(engine)
    return engine


def upgrade(url):
    """Upgrade in a process of its own and return the revision."""
    engine = open_engine(url)
    schema.upgrade(engine)
    revision = schema.current(engine)
    engine.dispose()
    return revision


@pytest.fixture
def empty_engine(empty_database_url):
    """Give an engine on a database without any table."""
    engine = open_engine(empty_database_url)
    yield engine
    engine.dispose()


REVISIONS = [script.revision for script in ScriptDirectory.from_config(schema._config()).walk_revisions()][
    ::-1
]


def test_an_empty_database_has_no_revision(empty_engine):
    assert schema.current(empty_engine) is None


def test_the_last_revision_is_head(empty_engine):
    schema.upgrade(empty_engine)

    assert schema.current(empty_engine) == schema.head() == REVISIONS[-1]


def test_the_tables_equal_the_models(engine):
    assert schema.list_differences(engine) == []


def test_a_difference_is_told(engine):
    with db.writing(engine) as connection:
        connection.execute(text("CREATE TABLE stray (id INTEGER)"))

    (difference,) = schema.list_differences(engine)

    assert "stray" in difference
    with db.writing(engine) as connection:
        connection.execute(text("DROP TABLE stray"))


@pytest.mark.parametrize("revision", REVISIONS)
def test_each_revision_goes_down_and_up_again(empty_engine, revision):
    schema.upgrade(empty_engine, revision)

    schema.downgrade(empty_engine, "base")

    assert schema.current(empty_engine) is None
    assert set(inspect(empty_engine).get_table_names()) == {"alembic_version"}
    schema.upgrade(empty_engine)
    assert schema.list_differences(empty_engine) == []


def test_a_database_with_rows_goes_down_and_up_again(empty_engine, clock, entropy):
    schema.upgrade(empty_engine)
    with db.Session(empty_engine) as session:
        actor = Actor(ActorKind.SYSTEM, "test")
        registrar = Registrar(session, actor, clock, entropy, "https://i.example", 3600)
        services.add_service(registrar, NewService("Shop", "team", "group"))
        audiences.add_audience(registrar, NewAudience("orders", "Shop"))
        client, _ = clients.add_client(registrar, NewClient("Robot", service="Shop"))
        permissions.grant_permission(registrar, NewPermission(client.client_id, "orders"))

    schema.downgrade(empty_engine, "base")
    schema.upgrade(empty_engine)

    with db.reading(empty_engine) as connection:
        assert connection.execute(select(ServiceRow.name)).scalars().all() == ["This issuer"]


def test_upgrading_twice_keeps_what_is_there(engine):
    with db.writing(engine) as connection:
        connection.execute(text("UPDATE registry_version SET version = 9"))

    schema.upgrade(engine)

    with db.reading(engine) as connection:
        assert connection.execute(select(RegistryVersionRow.version)).scalar_one() == 9


def test_two_processes_upgrade_at_once(empty_database_url, empty_engine):
    context = multiprocessing.get_context("spawn")

    with ProcessPoolExecutor(2, mp_context=context) as pool:
        revisions = list(pool.map(upgrade, [empty_database_url] * 2))

    assert revisions == [schema.head()] * 2
    with db.reading(empty_engine) as connection:
        names = (
            connection.execute(select(IdentifierRow.identifier).order_by(IdentifierRow.id)).scalars().all()
        )
    assert names == ["access", "refresh", "urn:issuer:api:v1"]


def test_a_failed_migration_leaves_all_as_it_was(empty_engine, monkeypatch):
    def fail(_config):
        raise StartRefusal("in the midst")

    monkeypatch.setattr(schema.command, "upgrade", lambda config, revision: create_and_fail(config, fail))

    with pytest.raises(StartRefusal):
        schema.upgrade(empty_engine)

    assert inspect(empty_engine).get_table_names() == []


def create_and_fail(config, fail):
    """Create a table on the migration's connection, then fail."""
    config.attributes["connection"].execute(text("CREATE TABLE half (id INTEGER)"))
    fail(config)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_migration_that_orphans_rows_is_refused(engine, monkeypatch):
    """Foreign keys are off while a migration runs, so they are checked before its commit."""

    def orphan(config, _revision):
        config.attributes["connection"].execute(text("DELETE FROM service"))

    monkeypatch.setattr(schema.command, "upgrade", orphan)

    with pytest.raises(StartRefusal) as refused:
        schema.upgrade(engine)

    assert refused.value.detail == "The migration would leave 3 rows without their parent."
    with db.reading(engine) as connection:
        assert connection.execute(select(ServiceRow.name)).scalars().all() == ["This issuer"]
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_foreign_keys_hold_after_migrating(engine):
    with db.reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []


def test_identifiers_compare_byte_for_byte(engine):
    """COLLATE "C" on PostgreSQL, BINARY on SQLite."""
    if engine.dialect.name == "sqlite":
        query = "SELECT 'a' = 'A', 'caf\u00e9' = 'cafe\u0301'"
    else:
        query = (
            "SELECT count(*) > 0, false FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type = 'character varying' AND collation_name IS DISTINCT FROM 'C' "
            "AND column_name IN ('identifier', 'canonical', 'client_id', 'jti', 'kid', 'name')"
        )

    with db.reading(engine) as connection:
        assert not any(connection.execute(text(query)).one())


def test_every_table_is_made_by_the_migrations(engine):
    made = set(inspect(engine).get_table_names()) - {"alembic_version"}

    assert made == set(Base.metadata.tables)
