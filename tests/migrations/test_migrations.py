"""Migrations: up and down on both databases, with rows, and the same by whoever comes at once."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.exc import IntegrityError

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


FAMILY = (
    "INSERT INTO family (id, client_key, sub, subject_kind, granted_aud, granted_scopes, kid, generation, "
    "created_at, rotated_at, idle_seconds, expires_at) VALUES ('f', 1, 'robot', 'client', :aud, :scopes, "
    "'k', {generation}, 1, 2, 3, 4)"
)
BEFORE_INCIDENTS = [
    (
        "INSERT INTO client (key, client_id, name, type, grant_types, auth_method, state, created_at) "
        "VALUES (1, 'robot', 'Robot', 'service', '[]', 'client_secret_basic', 'active', 1)"
    ),
    (
        "INSERT INTO signing_key (kid, purpose, alg, sealed, master_key_id, created_at, published_at, "
        "signs_from, longest_lifetime_seconds) VALUES ('k', 'refresh', 'HS256', '', 'm', 1, 1, 1, 1)"
    ),
    FAMILY.format(generation=7),
]
LISTS = {"aud": '["orders"]', "scopes": '["read"]'}


@pytest.fixture
def with_family(empty_engine):
    """Give a database of revision 0001 that holds a family in generation 7."""
    schema.upgrade(empty_engine, "0001")
    with db.writing(empty_engine) as connection:
        for statement in BEFORE_INCIDENTS:
            connection.execute(text(statement), LISTS if ":aud" in statement else {})
    return empty_engine


def find_family(engine):
    """Return the one family and its client as stored, by column."""
    with db.reading(engine) as connection:
        (row,) = connection.execute(text("SELECT * FROM family")).mappings().all()
        assert connection.execute(text("SELECT client_id FROM client")).scalars().all() == ["robot"]
    return dict(row)


def test_a_family_outlives_the_way_up_to_incidents_and_down_again(with_family):
    before = find_family(with_family)

    schema.upgrade(with_family, "0002")

    after = find_family(with_family)
    assert {name: after[name] for name in before} == before
    assert after["rotated_from"] == ""
    assert after["issuer_scopes"] in ("[]", [])

    schema.downgrade(with_family, "0001")

    assert find_family(with_family) == before


@pytest.mark.parametrize("revisions", [["0002"], ["0002", "0001"]], ids=["up", "down"])
def test_the_rules_of_a_family_outlive_the_way_to_incidents(with_family, revisions):
    """SQLite copies a table to alter it, and a copy made by reflection loses its checks."""
    for revision in revisions:
        change = schema.upgrade if revision == "0002" else schema.downgrade
        change(with_family, revision)

    with db.writing(with_family) as connection:
        connection.execute(text("DELETE FROM family"))
    with pytest.raises(IntegrityError), db.writing(with_family) as connection:
        connection.execute(text(FAMILY.format(generation=0)), LISTS)
    with pytest.raises(IntegrityError), db.writing(with_family) as connection:
        connection.execute(text(FAMILY.format(generation=1).replace("1, 'robot'", "2, 'robot'")), LISTS)


def test_incidents_go_with_the_way_down(with_family):
    schema.upgrade(with_family, "0002")
    with db.writing(with_family) as connection:
        connection.execute(
            text(
                'INSERT INTO incident ("at", family_id, client_key, presented, stored, address, request_id, '
                "rotated_at, rotated_from) VALUES (1, 'f', 1, 1, 7, 'a', 'r', 2, 'b')"
            )
        )

    schema.downgrade(with_family, "0001")
    schema.upgrade(with_family)

    with db.reading(with_family) as connection:
        assert connection.execute(text("SELECT count(*) FROM incident")).scalar_one() == 0
    assert schema.list_differences(with_family) == []


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


USERS = [
    (
        "INSERT INTO user_account (id, name, canonical, password_hash, role, state, created_at, "
        "password_changed_at) VALUES (1, 'Alice', 'alice', 'h', 'service_owner', 'active', 1, 1)"
    ),
    "INSERT INTO user_service (user_id, service_id) SELECT 1, id FROM service",
    (
        "INSERT INTO web_session (secret_hash, user_id, created_at, last_seen_at, stepped_up_at, address, "
        "user_agent) VALUES ({blob}, 1, 1, 1, 1, 'a', 'b')"
    ),
    "INSERT INTO setup_link (id, secret_hash, created_at, expires_at) VALUES (1, {blob}, 1, 2)",
    "INSERT INTO sign_in_failure (canonical, network, failures, last_at) VALUES ('alice', '', 1, 1)",
]


def test_users_go_with_the_way_down_and_nothing_else(empty_engine):
    schema.upgrade(empty_engine, "0005")
    blob = "X'00'" if empty_engine.dialect.name == "sqlite" else "'\\x00'::bytea"
    with db.writing(empty_engine) as connection:
        for statement in USERS:
            connection.exec_driver_sql(statement.format(blob=blob))

    schema.downgrade(empty_engine, "0004")
    schema.upgrade(empty_engine)

    with db.reading(empty_engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM user_account")).scalar_one() == 0
        assert connection.execute(select(ServiceRow.name)).scalars().all() == ["This issuer"]
    assert schema.list_differences(empty_engine) == []


def test_two_users_never_have_one_canonical_name(empty_engine):
    schema.upgrade(empty_engine)
    again = USERS[0].replace("(1, 'Alice'", "(2, 'ALICE'")

    with db.writing(empty_engine) as connection:
        connection.exec_driver_sql(USERS[0])

    with pytest.raises(IntegrityError), db.writing(empty_engine) as connection:
        connection.exec_driver_sql(again)
