"""The schema and its migrations: which revision the database is at, and how to bring it to another.

The Alembic configuration is built here, in code: a wheel has no pyproject, and a URL with `%`
breaks Alembic's own configuration file.
"""

from collections.abc import Callable

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, text

from issuer.bundle import find_folder
from issuer.errors import StartRefusal
from issuer.store import postgresql
from issuer.store.db import engine_options, make_url_of, prepare_engine, unavailable_as_refusal, writing
from issuer.store.tables import Base

_LOCK = 0x1550E2
_MIGRATION_SECONDS = 600


def head() -> str:
    """Return the revision that this program needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise StartRefusal("This installation holds no migrations; install it again.")
    return revision


def current(engine: Engine) -> str | None:
    """Return the revision the database is at, None if it is empty."""
    with unavailable_as_refusal(), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema up to `revision`, all of it or nothing; two callers at once are one."""
    _migrate(engine, lambda config: command.upgrade(config, revision))


def downgrade(engine: Engine, revision: str) -> None:
    """Bring the schema down to `revision` (`base` empties the database)."""
    _migrate(engine, lambda config: command.downgrade(config, revision))


def list_differences(engine: Engine) -> list[str]:
    """Return what differs between the tables in the database and the models; empty if they agree."""
    with unavailable_as_refusal(), engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return [repr(difference) for difference in compare_metadata(context, Base.metadata)]


def set_write_ahead_log(engine: Engine) -> None:
    """Let readers and one writer work side by side on SQLite; the file remembers it.

    Makes the file. Raises TemporarilyUnavailable if that cannot be done, as where its folder is missing.
    """
    if engine.dialect.name != "sqlite":
        return
    # On the driver's own connection: inside a transaction the pragma is an error.
    with unavailable_as_refusal(), engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA journal_mode=WAL")


def developer_engine(url: str) -> Engine:
    """Return an engine on a developer's own database: for the command `alembic` only."""
    parsed = make_url_of(url)
    engine = create_engine(parsed, **engine_options(parsed, 1))
    prepare_engine(engine)
    return engine


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(find_folder("migrations")).replace("%", "%%"))
    return config


def _migrate(engine: Engine, run: Callable[[Config], None]) -> None:
    migrate = _migrate_sqlite if engine.dialect.name == "sqlite" else _migrate_postgresql
    migrate(engine, run)


def _migrate_postgresql(engine: Engine, run: Callable[[Config], None]) -> None:
    with writing(engine) as connection:
        postgresql.be_patient(connection, _MIGRATION_SECONDS)
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        _run(connection, run)


def _migrate_sqlite(engine: Engine, run: Callable[[Config], None]) -> None:
    # Foreign keys are off before BEGIN (inside a transaction the pragma does nothing): batch mode
    # drops and renames tables, which would otherwise delete child rows. They are checked before COMMIT.
    with unavailable_as_refusal(), engine.connect() as connection:
        connection.connection.cursor().execute("PRAGMA foreign_keys=OFF")
        connection.execution_options(issuer_writes=True)
        try:
            with connection.begin():
                _run(connection, run)
                broken = connection.exec_driver_sql("PRAGMA foreign_key_check").all()
                if broken:
                    raise StartRefusal(f"The migration would leave {len(broken)} rows without their parent.")
        finally:
            connection.connection.cursor().execute("PRAGMA foreign_keys=ON")


def _run(connection: Connection, run: Callable[[Config], None]) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        run(config)
    except CommandError as error:
        raise StartRefusal(f"The migration cannot be run: {error}") from error
