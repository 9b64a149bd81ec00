"""What tests share: a clock that stands still, entropy that counts up, and freshly migrated databases.

`engine` and `database_url` run a test once on SQLite and once on PostgreSQL. Where PostgreSQL is not
reachable its half is skipped, or fails if TEST_REQUIRE names it.
"""

import gc
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy import Connection, Dialect, Engine, create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.store import db as database
from issuer.store import schema, sqlite

# Its assertions count like those of test modules, also under `python -O`.
pytest.register_assert_rewrite("tests.oauth.world")

# The same examples in every run, and none of them too slow: a busy machine takes its time. By default 100.
settings.register_profile(
    "ordinary",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("ordinary")

# Every test has an application of its own, and all have the same addresses: to compile them anew each time
# took most of what making one took.
_compile_builder = Rule._compile_builder
_BUILDERS: dict[tuple[str, str, bool], Callable[..., tuple[str, str]]] = {}


def _compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
    key = (rule.rule, repr(rule.defaults), append_unknown)
    if key not in _BUILDERS:
        _BUILDERS[key] = _compile_builder(rule, append_unknown)
    return _BUILDERS[key]


Rule._compile_builder = _compile_once

# Every test has engines of its own, and all of one kind make the same SQL of a statement: to make it anew
# each time took half of what a test on a database took.
_MADE: dict[str, LRUCache] = {}


class _Made:
    """What one engine keeps of its statements: all that any engine of its kind has made of them."""

    def __init__(self, kind: str) -> None:
        self._made = _MADE.setdefault(kind, LRUCache(4000))

    def get(self, key: tuple[object, ...]) -> object:
        """Return what was made of a statement, or None. key: begins with the engine's own dialect."""
        return self._made.get(key[1:])

    def __setitem__(self, key: tuple[object, ...], made: object) -> None:
        self._made[key[1:]] = made


def _share_made(_dialect: type[Dialect], engine: Engine) -> None:
    engine._compiled_cache = _Made(f"{engine.dialect.name} {engine.dialect.driver}")


Dialect.engine_created = classmethod(_share_made)

# A test ends with its files: nothing is gained by waiting for the disk. `durable` lets SQLite wait.
_set_pragmas = sqlite._set_pragmas


def _set_pragmas_but_wait_for_nothing(connection: sqlite3.Connection, record: object) -> None:
    _set_pragmas(connection, record)
    connection.execute("PRAGMA synchronous=OFF")


sqlite._set_pragmas = _set_pragmas_but_wait_for_nothing

# Programs that tests start read what the first of them has compiled, whatever this process was told.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

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


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` means: one more than cores, for many a test waits for a server."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is run by hand, unless -m says what to run."""
    if config.option.markexpr:
        return
    left_out = [item for item in items if any(item.get_closest_marker(name) for name in _BY_HAND)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Let the collector walk past the thousands of tests that stay: that took a fifth of what they take."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


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
def _postgres() -> Iterator[psycopg.Connection]:
    """Give a connection to this process's database, migrated, its first rows kept aside in schema `seed`."""
    name = f"issuer_test_{os.getpid()}"
    with made_postgres(name):
        engine = _make_engine(postgres_url(name))
        schema.upgrade(engine)
        engine.dispose()
        with psycopg.connect(postgres_url(name), autocommit=True) as connection:
            connection.execute(_KEEP_SEED)
            yield connection


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
def durable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let SQLite wait for the disk, as it does in a server."""
    monkeypatch.setattr(sqlite, "_set_pragmas", _set_pragmas)


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
    connection: psycopg.Connection = request.getfixturevalue("_postgres")
    connection.execute(_END_OTHERS)
    connection.execute("SELECT seed.restore()")
    return postgres_url(connection.info.dbname)


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
    _run_on_server(f"ALTER DATABASE {name} SET synchronous_commit = off")
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


# DELETE beats TRUNCATE and CREATE DATABASE … TEMPLATE by far on tables of a few rows, and a function that one
# connection keeps beats statements that are planned each time. Sequences go on.
_KEEP_SEED = """
DO $$ DECLARE kept text; has_rows bool; steps text := ''; BEGIN
  CREATE SCHEMA seed;
  FOR kept IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
    EXECUTE format('CREATE TABLE seed.%1$I AS TABLE public.%1$I', kept);
    EXECUTE format('SELECT EXISTS (SELECT FROM seed.%I)', kept) INTO has_rows;
    steps := steps || format('DELETE FROM public.%I;', kept);
    IF has_rows THEN
      steps := steps || format('INSERT INTO public.%1$I SELECT * FROM seed.%1$I;', kept);
    END IF;
  END LOOP;
  EXECUTE format(
    'CREATE FUNCTION seed.restore() RETURNS void LANGUAGE plpgsql'
      ' SET session_replication_role = replica AS %L', 'BEGIN ' || steps || ' END'
  );
END $$
"""

_END_OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
