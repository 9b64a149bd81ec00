"""The registry as the token path sees it: what is kept, for how long, and what makes it go."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from sqlalchemy import Engine, delete, event, exc, update

from issuer.errors import TemporarilyUnavailable
from issuer.model.audience import Audience
from issuer.model.client import Client, ClientKey, ClientState
from issuer.registry import audiences, cache, clients, permissions
from issuer.registry.cache import RegistryCache
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.store import client_records, registry_version
from issuer.store.db import writing
from issuer.store.registry_version import Concern, ConcernKind
from issuer.store.tables import RegistryChangeRow, RegistryVersionRow
from tests.conftest import FixedClock

STALE_SECONDS = 30


@dataclass
class Database:
    """What a test sees and decides of the database. statements: how many it was asked."""

    statements: int = 0
    is_away: bool = False


class Keys:
    """Counts how often the keys were reloaded; fails as often as a test says."""

    def __init__(self) -> None:
        self.reloads = 0
        self.failures = 0

    def reload(self) -> None:
        """Count, or fail."""
        if self.failures:
            self.failures -= 1
            raise TemporarilyUnavailable("the test says so")
        self.reloads += 1


@pytest.fixture
def database(engine: Engine) -> Iterator[Database]:
    """Give what counts statements and, when the test says so, refuses them."""
    seen = Database()

    def watch(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if seen.is_away:
            raise exc.OperationalError("the test says so", None, ConnectionError())
        # SQLite is told to begin by a statement, PostgreSQL by its driver.
        seen.statements += statement != "BEGIN"

    event.listen(engine, "before_cursor_execute", watch)
    yield seen
    event.remove(engine, "before_cursor_execute", watch)


@pytest.fixture
def keys() -> Keys:
    """Give a counter of key reloads."""
    return Keys()


@pytest.fixture
def registry(engine: Engine, clock: FixedClock, keys: Keys) -> RegistryCache:
    """Give a cache that has looked once and is therefore at the registry's version."""
    made = RegistryCache(engine, clock, STALE_SECONDS, keys.reload)
    made.check_once()
    keys.reloads = 0
    return made


@pytest.fixture
def robot(registrar: Registrar) -> Client:
    """Give a client."""
    return clients.add_client(registrar, NewClient("robot"))[0]


@pytest.fixture
def other(registrar: Registrar) -> Client:
    """Give another client."""
    return clients.add_client(registrar, NewClient("other"))[0]


@pytest.fixture
def warm(registry: RegistryCache, robot: Client, other: Client, database: Database) -> RegistryCache:
    """Give a cache that knows both clients, and a database that was not asked since."""
    registry.check_once()
    registry.find_record(robot.client_id)
    registry.find_record(other.client_id)
    database.statements = 0
    return registry


@pytest.fixture
def change(engine: Engine) -> Callable[..., None]:
    """Give a function that raises the version as one change that concerns these kinds and clients."""

    def write(*concerns: tuple[ConcernKind, ClientKey | None]) -> None:
        with writing(engine) as connection:
            version = registry_version.raise_version(connection)
            for kind, client_key in concerns:
                registry_version.add_change(connection, Concern(version, kind, client_key), at=0)

    return write


def is_kept(registry: RegistryCache, client: Client, database: Database) -> bool:
    """Return whether a client is answered without asking the database."""
    before = database.statements
    registry.find_record(client.client_id)
    return database.statements == before


def test_known_client_is_answered_without_sql(warm: RegistryCache, robot: Client, database: Database) -> None:
    record = warm.find_record(robot.client_id)

    assert record is not None
    assert record.client == robot
    assert database.statements == 0


def test_unknown_client_is_none(registry: RegistryCache) -> None:
    assert registry.find_record("nobody") is None


@pytest.mark.parametrize("client_id", ["x" * 256, "rob\N{LATIN SMALL LETTER O WITH DIAERESIS}t", "\udcff"])
def test_client_id_that_cannot_be_registered_costs_no_sql(
    registry: RegistryCache, database: Database, client_id: str
) -> None:
    assert registry.find_record(client_id) is None
    assert database.statements == 0


def test_look_that_finds_nothing_new_is_one_statement(warm: RegistryCache, database: Database) -> None:
    warm.check_once()

    assert database.statements == 1


class TestAChange:
    """What one look does with what was changed since the last."""

    def test_takes_effect_with_the_next_look_and_not_before(
        self, warm: RegistryCache, registrar: Registrar, robot: Client
    ) -> None:
        clients.disable_client(registrar, robot.client_id)

        before = warm.find_record(robot.client_id)
        warm.check_once()
        after = warm.find_record(robot.client_id)

        assert before is not None
        assert before.client.state is ClientState.ACTIVE
        assert after is not None
        assert after.client.state is ClientState.DISABLED

    def test_of_a_permission_takes_effect(
        self, warm: RegistryCache, registrar: Registrar, robot: Client, orders: Audience
    ) -> None:
        permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))

        warm.check_once()
        record = warm.find_record(robot.client_id)

        assert record is not None
        assert [permission.audience.identifier for permission in record.permissions] == [orders.identifier]

    def test_of_an_audience_takes_effect(
        self, warm: RegistryCache, registrar: Registrar, robot: Client, orders: Audience
    ) -> None:
        permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))
        audiences.disable_audience(registrar, orders.identifier)

        warm.check_once()
        record = warm.find_record(robot.client_id)

        assert record is not None
        assert record.permissions[0].audience.state == "disabled"

    def test_of_one_client_leaves_the_others(
        self, warm: RegistryCache, change: Callable, robot: Client, other: Client, database: Database
    ) -> None:
        change((ConcernKind.CLIENT, robot.key))
        warm.check_once()

        assert is_kept(warm, other, database)
        assert not is_kept(warm, robot, database)

    def test_that_concerns_everyone_drops_all(
        self, warm: RegistryCache, change: Callable, robot: Client, other: Client, database: Database
    ) -> None:
        change((ConcernKind.CLIENT, robot.key), (ConcernKind.EVERYONE, None))
        warm.check_once()

        assert not is_kept(warm, other, database)
        assert not is_kept(warm, robot, database)

    def test_that_concerns_nobody_drops_nothing(
        self, warm: RegistryCache, change: Callable, robot: Client, keys: Keys, database: Database
    ) -> None:
        change((ConcernKind.NOBODY, None))
        warm.check_once()

        assert is_kept(warm, robot, database)
        assert keys.reloads == 0

    def test_of_the_keys_reloads_them_and_drops_no_client(
        self, warm: RegistryCache, change: Callable, robot: Client, keys: Keys, database: Database
    ) -> None:
        change((ConcernKind.KEYS, None))
        warm.check_once()
        warm.check_once()

        assert keys.reloads == 1
        assert is_kept(warm, robot, database)

    def test_of_the_keys_that_could_not_be_loaded_is_seen_again(
        self, warm: RegistryCache, change: Callable, keys: Keys
    ) -> None:
        change((ConcernKind.KEYS, None))
        keys.failures = 1
        with pytest.raises(TemporarilyUnavailable):
            warm.check_once()

        warm.check_once()

        assert keys.reloads == 1

    def test_of_several_versions_is_seen_in_one_look(
        self, warm: RegistryCache, change: Callable, robot: Client, other: Client, database: Database
    ) -> None:
        change((ConcernKind.CLIENT, robot.key))
        change((ConcernKind.CLIENT, other.key))
        warm.check_once()

        assert not is_kept(warm, other, database)
        assert not is_kept(warm, robot, database)


class TestAHistoryThatDoesNotTell:
    """Changes that nobody can tell one from another any more."""

    def test_gap_drops_everything_and_reloads_the_keys(
        self,
        warm: RegistryCache,
        engine: Engine,
        change: Callable,
        other: Client,
        keys: Keys,
        database: Database,
    ) -> None:
        change((ConcernKind.NOBODY, None))
        with writing(engine) as connection:
            connection.execute(delete(RegistryChangeRow))
        change((ConcernKind.NOBODY, None))
        warm.check_once()

        assert keys.reloads == 1
        assert not is_kept(warm, other, database)

    def test_older_version_of_a_restored_backup_drops_everything(
        self, warm: RegistryCache, engine: Engine, other: Client, keys: Keys, database: Database
    ) -> None:
        with writing(engine) as connection:
            connection.execute(update(RegistryVersionRow).values(version=RegistryVersionRow.version - 1))
        warm.check_once()

        assert keys.reloads == 1
        assert not is_kept(warm, other, database)
        assert is_kept(warm, other, database)

    @pytest.fixture
    def restored(self, warm: RegistryCache, engine: Engine, clock: FixedClock) -> RegistryCache:
        """Give a cache whose database is, a second later, that of one version before."""
        with writing(engine) as connection:
            lost = registry_version.find_version(connection)
            connection.execute(delete(RegistryChangeRow).where(RegistryChangeRow.version == lost))
            connection.execute(update(RegistryVersionRow).values(version=lost - 1))
        clock.step(1)
        return warm

    @pytest.mark.parametrize("changes", [1, 2])
    def test_another_history_that_reaches_the_version_again_drops_everything(
        self, restored: RegistryCache, registrar: Registrar, robot: Client, other: Client, changes: int
    ) -> None:
        for client in (robot, other)[:changes]:
            clients.disable_client(registrar, client.client_id)

        restored.check_once()
        record = restored.find_record(robot.client_id)

        assert record is not None
        assert record.client.state is ClientState.DISABLED


class TestARecordLoadedDuringAChange:
    """The interleavings of a request that reads, an admin who writes and the thread that looks."""

    def test_is_not_kept_if_its_change_was_dropped_already(
        self,
        registry: RegistryCache,
        registrar: Registrar,
        robot: Client,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        registry.check_once()
        find_record = client_records.find_record

        def read_then_change(*arguments: object) -> object:
            record = find_record(*arguments)
            monkeypatch.undo()
            clients.disable_client(registrar, robot.client_id)
            registry.check_once()
            return record

        monkeypatch.setattr(client_records, "find_record", read_then_change)
        registry.find_record(robot.client_id)

        record = registry.find_record(robot.client_id)

        assert record is not None
        assert record.client.state is ClientState.DISABLED

    def test_is_dropped_by_the_look_that_comes_after_it(
        self,
        registry: RegistryCache,
        registrar: Registrar,
        robot: Client,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        registry.check_once()
        find_record = client_records.find_record

        def read_then_change(*arguments: object) -> object:
            record = find_record(*arguments)
            monkeypatch.undo()
            clients.disable_client(registrar, robot.client_id)
            return record

        monkeypatch.setattr(client_records, "find_record", read_then_change)
        registry.find_record(robot.client_id)
        registry.check_once()

        record = registry.find_record(robot.client_id)

        assert record is not None
        assert record.client.state is ClientState.DISABLED

    def test_leaves_no_old_directory_either(
        self, registry: RegistryCache, registrar: Registrar, orders: Audience, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        registry.check_once()
        list_identifiers = cache.audiences.list_identifiers

        def read_then_change(*arguments: object) -> object:
            identifiers = list_identifiers(*arguments)
            monkeypatch.undo()
            audiences.disable_audience(registrar, orders.identifier)
            registry.check_once()
            return identifiers

        monkeypatch.setattr(cache.audiences, "list_identifiers", read_then_change)
        registry.describe_targets([orders.identifier])

        assert registry.describe_targets([orders.identifier]).endswith("is registered (disabled)")


def test_no_more_records_than_the_cap_are_kept(
    warm: RegistryCache,
    registrar: Registrar,
    robot: Client,
    other: Client,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cache, "MOST_RECORDS", 2)
    third = clients.add_client(registrar, NewClient("third"))[0]
    warm.find_record(third.client_id)

    assert is_kept(warm, third, database)
    assert is_kept(warm, other, database)
    assert not is_kept(warm, robot, database)


def test_cap_is_ten_thousand() -> None:
    assert cache.MOST_RECORDS == 10_000


class TestWhileTheDatabaseIsAway:
    """What goes on, and for how long."""

    @pytest.fixture
    def away(self, warm: RegistryCache, database: Database) -> RegistryCache:
        """Give a warm cache whose last look found the database away."""
        database.is_away = True
        with pytest.raises(TemporarilyUnavailable):
            warm.check_once()
        return warm

    def test_known_client_goes_on(self, away: RegistryCache, robot: Client, clock: FixedClock) -> None:
        clock.step(STALE_SECONDS)

        assert away.find_record(robot.client_id) is not None
        assert not away.is_stale

    def test_unknown_client_is_refused_without_waiting(
        self, away: RegistryCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache, "reading", lambda _engine: pytest.fail("asked the database"))

        with pytest.raises(TemporarilyUnavailable):
            away.find_record("nobody")

    def test_unknown_client_is_refused_before_the_next_look_too(
        self, warm: RegistryCache, database: Database
    ) -> None:
        database.is_away = True

        with pytest.raises(TemporarilyUnavailable):
            warm.find_record("nobody")

    def test_nobody_is_answered_after_the_stale_time(
        self, away: RegistryCache, robot: Client, clock: FixedClock
    ) -> None:
        clock.step(STALE_SECONDS + 1)

        assert away.is_stale
        with pytest.raises(TemporarilyUnavailable):
            away.find_record(robot.client_id)

    def test_stale_time_counts_from_the_last_look_that_succeeded(
        self, away: RegistryCache, robot: Client, clock: FixedClock
    ) -> None:
        clock.step(STALE_SECONDS)
        with pytest.raises(TemporarilyUnavailable):
            away.check_once()
        clock.step(1)

        with pytest.raises(TemporarilyUnavailable):
            away.find_record(robot.client_id)

    def test_targets_are_not_described_and_nobody_waits(
        self, away: RegistryCache, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache, "reading", lambda _engine: pytest.fail("asked the database"))

        assert away.describe_targets(["https://orders.example/"]) == (
            "the database is away, so nothing more is known of the targets"
        )

    def test_one_look_ends_it(
        self, away: RegistryCache, robot: Client, clock: FixedClock, database: Database
    ) -> None:
        clock.step(STALE_SECONDS + 1)
        database.is_away = False
        away.check_once()

        assert is_kept(away, robot, database)
        assert away.find_record("nobody") is None

    def test_change_made_meanwhile_takes_effect_when_it_is_back(
        self, away: RegistryCache, registrar: Registrar, robot: Client, database: Database
    ) -> None:
        database.is_away = False
        clients.disable_client(registrar, robot.client_id)
        away.check_once()

        record = away.find_record(robot.client_id)

        assert record is not None
        assert record.client.state is ClientState.DISABLED
