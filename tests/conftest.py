"""What tests share: a clock that stands still, entropy that counts up, and freshly migrated databases.

`engine` and `database_url` run a test once on SQLite and once on PostgreSQL. Where PostgreSQL is not
reachable its half is skipped, or fails if TEST_REQUIRE names it.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.store import db as database
from issuer.store import schema

# Its assertions count like those of test modules, also under `python -O`.
pytest.register_assert_rewrite("tests.oauth.world")

START = 1_800_000_000
_BY_HAND = {"soak", "benchmark"}
_POSTGRES = os.environ.get("TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")
_REQUIRED = set(os.environ.get("TEST_REQUIRE", "").split(",")) - {""}
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")


class FixedClock(Clock):
    """A clock that stands still until a test moves it. at: epoch seconds."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> int:
        """Return the time that the test has set."""
        return self.at

    def monotonic(self) -> float:
        """Return the seconds since the start of the test, on the same hand."""
        return float(self.at - START)

    def step(self, seconds: int) -> None:
        """Move the clock on."""
        self.at += seconds


class CountingEntropy(Entropy):
    """Entropy that counts up: the same in every run, never the same twice, from any thread."""

    def __init__(self) -> None:
        self._drawn = count(1)

    def draw(self, size: int) -> bytes:
        """Return the next number, as `size` bytes."""
        return next(self._drawn).to_bytes(size, "big")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is run by hand, unless -m says what to run."""
    if config.option.markexpr:
        return
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in _BY_HAND)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def skip_or_fail(name: str, reason: str) -> None:
    """Skip the test, or fail it where TEST_REQUIRE names what is missing: postgres, browser or node."""
    if name in _REQUIRED:
        pytest.fail(f"{reason}, and TEST_REQUIRE names {name}")
    pytest.skip(reason)


@pytest.fixture
def missing() -> Callable[[str, str], None]:
    """Give the function that skips or fails a test for want of `postgres`, `browser` or `node`."""
    return skip_or_fail


@pytest.fixture
def clock() -> FixedClock:
    """Give a clock that stands at 1,800,000,000; `.at` and `.step(seconds)` move it."""
    return FixedClock()


@pytest.fixture
def entropy() -> CountingEntropy:
    """Give entropy that counts up."""
    return CountingEntropy()


@pytest.fixture(autouse=True)
def writes_are_declared() -> Iterator[None]:
    """Fail a test that wrote outside `db.writing` and `db.begin_writing`: updates are lost so."""
    undeclared: list[str] = []

    def watch(connection: Connection, _cursor: object, statement: str, *_rest: object) -> None:
        is_write = statement.lstrip()[:7].upper().startswith(_WRITES)
        if is_write and not database.is_writing(connection):
            undeclared.append(statement)

    event.listen(Engine, "before_cursor_execute", watch)
    yield
    event.remove(Engine, "before_cursor_execute", watch)
    assert not undeclared, "written outside db.writing and db.begin_writing"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "issuer.sqlite"
    engine = _make_engine(f"sqlite:///{path}")
    schema.set_write_ahead_log(engine)
    schema.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def _postgres_name() -> Iterator[str]:
    """Give the name of this process's database, migrated, its first rows kept aside in schema `seed`."""
    name = f"issuer_test_{os.getpid()}"
    with made_postgres(name):
        engine = _make_engine(postgres_url(name))
        schema.upgrade(engine)
        engine.dispose()
        with psycopg.connect(postgres_url(name), autocommit=True) as connection:
            connection.execute(_KEEP_SEED)
        yield name


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of a freshly migrated registry, once on each database: for tests that start processes."""
    return fresh_database_url(request, tmp_path, request.param)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a database without any table, once on each database: for tests of migrations."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    name = f"issuer_test_{os.getpid()}_empty"
    with made_postgres(name):
        yield postgres_url(name)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Give an engine on a freshly migrated registry, once on each database."""
    engine = _make_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    """Give a plain session on `engine`."""
    with Session(engine) as session:
        yield session


def fresh_database_url(request: pytest.FixtureRequest, folder: Path, kind: str) -> str:
    """Return the URL of a freshly migrated registry. kind: sqlite (in `folder`) or postgresql."""
    if kind == "sqlite":
        path = folder / "issuer.sqlite"
        shutil.copyfile(request.getfixturevalue("_sqlite_template"), path)
        return f"sqlite:///{path}"
    name = request.getfixturevalue("_postgres_name")
    with psycopg.connect(postgres_url(name), autocommit=True) as connection:
        connection.execute(_BACK_TO_SEED)
    return postgres_url(name)


def _make_engine(url: str) -> Engine:
    parsed = database.make_url_of(url)
    engine = create_engine(parsed, **database.engine_options(parsed, 8))
    database.prepare_engine(engine)
    return engine


@contextmanager
def made_postgres(name: str) -> Iterator[None]:
    """Make a database of that name and drop it at the end; skip where the server is away."""
    try:
        _run_on_server(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    except psycopg.OperationalError as error:
        skip_or_fail("postgres", f"PostgreSQL is not reachable: {type(error).__name__}")
    _run_on_server(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield
    finally:
        _run_on_server(f"DROP DATABASE {name} WITH (FORCE)")


def _run_on_server(statement: str) -> None:
    with psycopg.connect(_POSTGRES, autocommit=True, connect_timeout=2) as connection:
        connection.execute(statement)


def postgres_url(name: str) -> str:
    """Return the URL of a database of that name."""
    url = database.make_url_of(_POSTGRES).set(drivername="postgresql", database=name)
    return url.render_as_string(hide_password=False)


_KEEP_SEED = """
DO $$ DECLARE kept text; BEGIN
  CREATE SCHEMA seed;
  FOR kept IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE seed.%1$I AS TABLE public.%1$I', kept);
  END LOOP;
END $$
"""

# DELETE beats TRUNCATE and CREATE DATABASE … TEMPLATE by far on tables of a few rows. Sequences go on.
_BACK_TO_SEED = """
DO $$ DECLARE kept text; BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
  SET LOCAL session_replication_role = replica;
  SET LOCAL synchronous_commit = off;
  FOR kept IN SELECT tablename FROM pg_tables WHERE schemaname = 'seed' LOOP
    EXECUTE format('DELETE FROM public.%1$I', kept);
    EXECUTE format('INSERT INTO public.%1$I SELECT * FROM seed.%1$I', kept);
  END LOOP;
END $$
"""
