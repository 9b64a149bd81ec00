"""Transactions: none of the updates that several processes make at once is lost."""

import contextlib
import multiprocessing
import sqlite3
from concurrent.futures import ProcessPoolExecutor

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import DeclarativeBase

from issuer.errors import TemporarilyUnavailable
from issuer.store import db
from issuer.store.tables import Base, RegistryVersionRow


def open_engine(url):
    parsed = db.make_url_of(url)
    engine = create_engine(parsed, **db.engine_options(parsed, 2))
    db.prepare_engine(engine)
    return engine


def raise_by_reading_first(url, times):
    """Raise the version as code does that reads, thinks and writes; return how often it was committed.

    With the driver's default, some would be committed and yet lost. Under load one may wait its two
    seconds in vain: that is an answer, too, as long as it is not counted.
    """
    engine = open_engine(url)
    committed = 0
    for _ in range(times):
        with contextlib.suppress(TemporarilyUnavailable):
            with db.writing(engine) as connection:
                locked = select(RegistryVersionRow.version).with_for_update()
                version = connection.execute(locked).scalar_one()
                connection.execute(update(RegistryVersionRow).values(version=version + 1))
            committed += 1
    engine.dispose()
    return committed


@pytest.mark.parametrize("times", [25, pytest.param(500, marks=pytest.mark.soak)])
def test_no_update_of_four_processes_is_lost(database_url, engine, times):
    context = multiprocessing.get_context("spawn")

    with ProcessPoolExecutor(4, mp_context=context) as pool:
        committed = sum(pool.map(raise_by_reading_first, [database_url] * 4, [times] * 4))

    with db.reading(engine) as connection:
        version = connection.execute(select(RegistryVersionRow.version)).scalar_one()
    assert committed > 2 * times
    assert version == 1 + committed


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("postgres://u:p%40@h/d", "postgresql+psycopg://u:p%40@h/d"),
        ("postgresql://h/d", "postgresql+psycopg://h/d"),
        ("postgresql+psycopg://h/d", "postgresql+psycopg://h/d"),
        ("sqlite:////tmp/x", "sqlite:////tmp/x"),
    ],
)
def test_a_url_gets_the_driver_of_this_program(given, taken):
    assert db.make_url_of(given).render_as_string(hide_password=False) == taken


@pytest.mark.usefixtures("durable")
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_is_durable_and_checks_foreign_keys(engine):
    with db.reading(engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }

    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 2000}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_postgresql_waits_for_nothing_over_two_seconds(engine):
    with db.reading(engine) as connection:
        found = [
            connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in ("statement_timeout", "lock_timeout")
        ]

    assert found == ["2s", "2s"]


def test_a_foreign_key_to_nothing_is_refused(engine):
    with pytest.raises(IntegrityError), db.writing(engine) as connection:
        connection.execute(text("INSERT INTO scope (audience_id, name) VALUES (999, 'x')"))


def test_what_raises_is_rolled_back(engine):
    def fail():
        with db.writing(engine) as connection:
            connection.execute(update(RegistryVersionRow).values(version=77))
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    with db.reading(engine) as connection:
        assert connection.execute(select(RegistryVersionRow.version)).scalar_one() == 1


@pytest.mark.parametrize("opened", [db.reading, db.writing])
@pytest.mark.parametrize("url", ["sqlite:////nowhere/x.sqlite", "postgresql://nobody@127.0.0.1:1/x"])
def test_a_database_that_is_away_is_unavailable(opened, url):
    engine = open_engine(url)

    with pytest.raises(TemporarilyUnavailable) as refused, opened(engine):
        pass

    assert refused.value.detail == OperationalError.__name__


def test_a_pool_that_is_used_up_is_unavailable(database_url):
    parsed = db.make_url_of(database_url)
    options = db.engine_options(parsed, 1) | {"pool_timeout": 0.01}
    engine = create_engine(parsed, **options)
    db.prepare_engine(engine)

    with db.reading(engine), pytest.raises(TemporarilyUnavailable) as refused, db.reading(engine):
        pass

    assert refused.value.detail == "TimeoutError"
    engine.dispose()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_file_that_another_locks_when_somebody_looks_is_there(engine):
    def look():
        with db.looking(engine) as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            connection.exec_driver_sql("ROLLBACK")
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    with contextlib.closing(sqlite3.connect(engine.url.database, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(TemporarilyUnavailable):
            look()

    with db.writing(engine) as connection:
        connection.execute(update(RegistryVersionRow).values(version=2))


def test_readers_go_on_while_one_writes(engine):
    with db.writing(engine) as writer:
        writer.execute(update(RegistryVersionRow).values(version=2))
        with db.reading(engine) as reader:
            seen = reader.execute(select(RegistryVersionRow.version)).scalar_one()

    assert seen == 1


def test_what_is_read_is_of_one_moment(engine):
    """A value takes several statements: no change of others may come between them."""
    with db.reading(engine) as reader:
        before = reader.execute(select(RegistryVersionRow.version)).scalar_one()
        with db.writing(engine) as writer:
            writer.execute(update(RegistryVersionRow).values(version=2))
        after = reader.execute(select(RegistryVersionRow.version)).scalar_one()

    assert (before, after) == (1, 1)


def test_what_a_session_reads_is_of_one_moment(engine, session):
    session.execute(select(RegistryVersionRow.version)).scalar_one()
    db.begin_reading(session)
    before = session.execute(select(RegistryVersionRow.version)).scalar_one()
    with db.writing(engine) as other:
        other.execute(update(RegistryVersionRow).values(version=5))
    after = session.execute(select(RegistryVersionRow.version)).scalar_one()

    assert (before, after) == (1, 1)


def test_a_session_that_begins_to_write_forgets_what_it_read(engine, session):
    session.execute(select(RegistryVersionRow.version)).scalar_one()
    with db.writing(engine) as other:
        other.execute(update(RegistryVersionRow).values(version=5))

    db.begin_writing(session)

    assert db.is_writing(session.connection())
    assert session.execute(select(RegistryVersionRow.version)).scalar_one() == 5


def test_tables_are_plain_declarative_classes():
    """Dataclass mapping breaks Flask-SQLAlchemy 3.1 on SQLAlchemy 2.1."""
    assert Base.__bases__ == (DeclarativeBase,)
    assert db.db.metadata is Base.metadata
