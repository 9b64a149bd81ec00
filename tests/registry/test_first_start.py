"""What must stand before a request is served, made once and by whoever comes first."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine

from issuer import config, master_key
from issuer.clock import Clock
from issuer.config import Settings
from issuer.entropy import Entropy
from issuer.errors import InvalidSettings, SchemaNotAtHead, WrongMasterKey
from issuer.model.audience import ADMIN_API_PATH
from issuer.registry import audiences, audit, first_start, services
from issuer.registry.audiences import NewAudience
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService
from issuer.registry.signing_keys import list_signing_keys
from issuer.store import db as database
from issuer.store import issuer_url, schema

URL = "https://id.example/auth"
MASTER_KEY = "A" * 43
OTHER_MASTER_KEY = "B" * 42 + "A"
PROCESSES = 8
PROCESSES_OF_SOAK, STARTS = 16, 20

# One process that becomes many: what takes long is to import, and that is not what is tested.
_PREPARE = """
import os
import sys
from sqlalchemy import create_engine
from issuer import config, master_key
from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.registry import first_start
from issuer.store import db

def prepare():
    settings, entropy = config.load_settings(), Entropy()
    url = db.make_url_of(settings.database_url)
    engine = create_engine(url, **db.engine_options(url, 2))
    db.prepare_engine(engine)
    keys = master_key.find_or_make_master_key(settings, entropy)
    first_start.prepare(settings, engine, keys, Clock(), entropy)

gate, opener = os.pipe()
children = []
for _ in range(int(sys.argv[1])):
    child = os.fork()
    if child == 0:
        os.close(opener)
        os.read(gate, 1)
        status = 1
        try:
            prepare()
            status = 0
        except Exception as error:
            print(type(error).__name__, getattr(error, "detail", error), flush=True)
        finally:
            os._exit(status)
    children.append(child)
os.close(opener)
print([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children])
"""


def make_engine(settings: Settings) -> Engine:
    url = database.make_url_of(settings.database_url)
    engine = create_engine(url, **database.engine_options(url, 4))
    database.prepare_engine(engine)
    return engine


@pytest.fixture
def prepare(clock: Clock, entropy: Entropy) -> Callable[..., None]:
    """Give a function that prepares a database under settings."""

    def run(settings: Settings, engine: Engine) -> None:
        keys = master_key.find_or_make_master_key(settings, entropy)
        first_start.prepare(settings, engine, keys, clock, entropy)

    return run


@pytest.fixture
def environment(database_url: str, tmp_path: Path) -> dict[str, str]:
    """Give the environment of a server on a database that is at head."""
    return {
        "ISSUER_URL": URL,
        "ISSUER_DATA_DIR": str(tmp_path),
        "ISSUER_DATABASE_URL": database_url,
        "ISSUER_MASTER_KEY": MASTER_KEY,
    }


@pytest.fixture
def settings(environment: dict[str, str]) -> Settings:
    """Give the settings of a server on a database that is at head."""
    return config.load_settings(environ=environment)


class TestTheEmbeddedDatabase:
    """The SQLite file of somebody who prepared nothing."""

    @pytest.fixture
    def environment(self, tmp_path: Path) -> dict[str, str]:
        """Give the environment of a server that was told nothing but where its data goes."""
        return {"ISSUER_DATA_DIR": str(tmp_path)}

    @pytest.fixture
    def engine(self, settings: Settings) -> Engine:
        """Give an engine on a file that is not there yet."""
        return make_engine(settings)

    def test_is_made_with_its_schema_and_keys(
        self, settings: Settings, engine: Engine, prepare: Callable
    ) -> None:
        prepare(settings, engine)

        assert schema.current(engine) == schema.head()
        assert sorted(key.alg for key in list_signing_keys(engine)) == ["ES256", "HS256", "RS256"]
        engine.dispose()

    def test_is_for_its_owner_only_wherever_it_lies(
        self, settings: Settings, engine: Engine, prepare: Callable, tmp_path: Path
    ) -> None:
        """A data directory that was there before, such as systemd's, is open to everyone."""
        tmp_path.chmod(0o755)
        umask = os.umask(0)
        try:
            prepare(settings, engine)
        finally:
            os.umask(umask)

        modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        assert {"issuer.db", "issuer.db-wal", "first-start.lock", "master-key"} <= set(modes)
        assert set(modes.values()) == {0o600}
        engine.dispose()

    def test_lets_readers_work_beside_a_writer(
        self, settings: Settings, engine: Engine, prepare: Callable
    ) -> None:
        prepare(settings, engine)

        with engine.connect() as connection:
            assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
        engine.dispose()

    def test_is_left_as_it_is_the_second_time(
        self, settings: Settings, engine: Engine, prepare: Callable
    ) -> None:
        prepare(settings, engine)
        keys = list_signing_keys(engine)
        prepare(settings, engine)

        assert list_signing_keys(engine) == keys
        engine.dispose()

    def test_is_made_once_by_many_processes(
        self, environment: dict[str, str], settings: Settings, engine: Engine
    ) -> None:
        statuses = prepare_at_once(environment)

        assert statuses == str([0] * PROCESSES)
        assert len(list_signing_keys(engine)) == 3
        engine.dispose()

    @pytest.mark.soak
    @pytest.mark.parametrize("_start", range(STARTS))
    def test_is_made_once_by_twice_as_many(
        self, environment: dict[str, str], settings: Settings, engine: Engine, _start: int
    ) -> None:
        statuses = prepare_at_once(environment, PROCESSES_OF_SOAK)

        assert statuses == str([0] * PROCESSES_OF_SOAK)
        assert len(list_signing_keys(engine)) == 3
        engine.dispose()


def test_other_database_that_is_empty_is_refused_and_left_empty(
    empty_database_url: str, tmp_path: Path, prepare: Callable
) -> None:
    settings = config.load_settings(
        environ={
            "ISSUER_DATA_DIR": str(tmp_path),
            "ISSUER_DATABASE_URL": empty_database_url,
            "ISSUER_MASTER_KEY": MASTER_KEY,
        }
    )
    engine = make_engine(settings)

    with pytest.raises(SchemaNotAtHead) as refused:
        prepare(settings, engine)

    assert refused.value.detail == (
        f"The database is empty, this program needs {schema.head()}: run `issuer db upgrade` first."
    )
    assert schema.current(engine) is None
    engine.dispose()


def test_schema_of_another_release_is_refused(settings: Settings, engine: Engine, prepare: Callable) -> None:
    with database.writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SchemaNotAtHead) as refused:
        prepare(settings, engine)

    assert refused.value.detail == (
        f"The database is at 9999, this program needs {schema.head()}: run `issuer db upgrade` first."
    )
    assert list_signing_keys(engine) == ()


def test_first_keys_are_made_once_by_many_processes(environment: dict[str, str], engine: Engine) -> None:
    statuses = prepare_at_once(environment)

    assert statuses == str([0] * PROCESSES)
    assert sorted(key.alg for key in list_signing_keys(engine)) == ["ES256", "HS256", "RS256"]


def test_wrong_master_key_is_refused_and_nothing_is_written(
    environment: dict[str, str], engine: Engine, registrar: Registrar, prepare: Callable
) -> None:
    prepare(config.load_settings(environ=environment), engine)
    keys, events = list_signing_keys(engine), audit.list_events(registrar)
    other = config.load_settings(environ=environment | {"ISSUER_MASTER_KEY": OTHER_MASTER_KEY})

    with pytest.raises(WrongMasterKey):
        prepare(other, engine)

    assert list_signing_keys(engine) == keys
    assert audit.list_events(registrar) == events


def test_second_master_key_in_the_list_opens_what_it_sealed(
    environment: dict[str, str], engine: Engine, prepare: Callable
) -> None:
    prepare(config.load_settings(environ=environment), engine)
    keys = list_signing_keys(engine)
    both = f"{OTHER_MASTER_KEY},{MASTER_KEY}"
    prepare(config.load_settings(environ=environment | {"ISSUER_MASTER_KEY": both}), engine)

    assert list_signing_keys(engine) == keys


def test_audience_of_the_admin_api_follows_issuer_url(
    environment: dict[str, str], engine: Engine, prepare: Callable
) -> None:
    prepare(config.load_settings(environ=environment), engine)
    moved = environment | {"ISSUER_URL": "https://new.example"}
    prepare(config.load_settings(environ=moved), engine)

    with database.reading(engine) as connection:
        assert issuer_url.find_api_identifier(connection) == f"https://new.example{ADMIN_API_PATH}"


def test_issuer_url_over_the_audience_of_a_service_is_refused_and_nothing_is_written(
    environment: dict[str, str], settings: Settings, engine: Engine, registrar: Registrar, prepare: Callable
) -> None:
    prepare(settings, engine)
    services.add_service(registrar, NewService("Shop", "team"))
    audiences.add_audience(registrar, NewAudience("https://shop.example/orders", "Shop"))
    events = audit.list_events(registrar)
    moved = config.load_settings(environ=environment | {"ISSUER_URL": "https://shop.example"})

    with pytest.raises(InvalidSettings) as refused:
        prepare(moved, engine)

    assert refused.value.detail == (
        "ISSUER_URL is https://shop.example, but https://shop.example/orders is registered as an audience "
        "of a service: no audience may lie under the issuer's own address. Use another URL."
    )
    assert audit.list_events(registrar) == events


def prepare_at_once(environment: dict[str, str], processes: int = PROCESSES) -> str:
    """Prepare a database in many processes that begin together; return what they print: their statuses."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ISSUER_")}
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE, str(processes)],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout.strip()
