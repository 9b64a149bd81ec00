"""PostgreSQL that hangs: nobody waits for ever, and those who may wait long still can."""

import threading
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, bindparam, create_engine, func, literal, make_url, text, update

from issuer.errors import TemporarilyUnavailable
from issuer.store import db as database
from issuer.store import postgresql
from issuer.store.prepared import PreparedUpdate
from issuer.store.tables import RegistryVersionRow
from tests.flows.tcp_proxy import TcpProxy, proxied

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def proxy(database_url: str) -> Iterator[TcpProxy]:
    """Give a proxy in front of PostgreSQL."""
    with proxied(make_url(database_url).port or 5432) as proxy:
        yield proxy


@pytest.fixture
def used(database_url: str, proxy: TcpProxy) -> Iterator[Engine]:
    """Give an engine with one connection in its pool, used just now."""
    url = database.make_url_of(database_url).set(port=proxy.port)
    engine = create_engine(url, **database.engine_options(url, 1))
    database.prepare_engine(engine)
    with database.reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    yield engine
    engine.dispose()


@pytest.fixture
def hanging(used: Engine, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Give an engine whose one connection was idle for long, to a server that has just stopped to answer."""
    monkeypatch.setattr(postgresql, "_TRUST_SECONDS", -1)
    proxy.hang()
    return used


def test_connection_used_just_now_is_not_asked_whether_it_lives(
    used: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sixth of what a refresh costs."""
    monkeypatch.setattr(used.dialect, "do_ping", lambda _connection: pytest.fail("asked"))

    with database.reading(used) as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


def test_connection_used_just_now_fails_its_first_statement_when_the_server_hangs(
    used: Engine, proxy: TcpProxy
) -> None:
    def ask() -> None:
        with database.reading(used) as connection:
            connection.execute(text("SELECT 1"))

    proxy.hang()
    with pytest.raises(TemporarilyUnavailable):
        ask()
    proxy.restore()
    ask()


def test_connection_that_was_ended_is_replaced_before_it_is_used(used: Engine, proxy: TcpProxy) -> None:
    """The end is heard without asking."""
    with database.reading(used) as connection:
        before = connection.connection.dbapi_connection
    proxy.cut()
    proxy.restore()

    with database.reading(used) as connection:
        assert connection.connection.dbapi_connection is not before
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


def test_hanging_server_is_away(hanging: Engine) -> None:
    with pytest.raises(TemporarilyUnavailable) as refused, database.reading(hanging):
        pytest.fail("connected")

    assert refused.value.detail == "OperationalError"


def test_server_that_hangs_within_a_transaction_is_away(hanging: Engine, proxy: TcpProxy) -> None:
    proxy.restore()

    def ask_twice() -> None:
        with database.reading(hanging) as connection:
            connection.execute(text("SELECT 1"))
            proxy.hang()
            connection.execute(text("SELECT 1"))

    with pytest.raises(TemporarilyUnavailable):
        ask_twice()


@pytest.mark.parametrize("is_hanging", [True, False], ids=["hangs", "is gone"])
def test_server_that_is_away_when_a_transaction_commits_is_away(
    used: Engine, proxy: TcpProxy, *, is_hanging: bool
) -> None:
    def commit() -> None:
        with database.writing(used) as connection:
            connection.execute(text("UPDATE registry_version SET version = version + 1"))
            if is_hanging:
                proxy.hang()
            else:
                proxy.cut()

    began = time.monotonic()
    with pytest.raises(TemporarilyUnavailable):
        commit()
    assert time.monotonic() - began < 4
    proxy.restore()

    with database.reading(used) as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


@pytest.mark.parametrize("is_hanging", [True, False], ids=["hangs", "is gone"])
def test_server_that_is_away_when_a_row_is_changed_is_away(
    used: Engine, proxy: TcpProxy, *, is_hanging: bool
) -> None:
    statement = update(RegistryVersionRow).values(version=7).returning(RegistryVersionRow.version)
    prepared = PreparedUpdate("test_away", statement)

    def change() -> None:
        with database.writing(used) as connection:
            if is_hanging:
                proxy.hang()
            else:
                proxy.cut()
            prepared.change_row(connection, {})

    with database.writing(used) as connection:
        prepared.change_row(connection, {})
    with pytest.raises(TemporarilyUnavailable):
        change()
    proxy.restore()

    with database.writing(used) as connection:
        assert prepared.change_row(connection, {}) == (7,)


def test_statement_longer_than_what_the_network_takes_at_once_is_sent(engine: Engine) -> None:
    address = "a" * 10_000_000
    statement = (
        update(RegistryVersionRow)
        .where(literal(1) == func.length(bindparam("address")) - bindparam("length"))
        .values(version=7)
        .returning(RegistryVersionRow.version)
    )

    with database.writing(engine) as connection:
        values = {"address": address, "length": len(address) - 1}
        assert PreparedUpdate("test_long", statement).change_row(connection, values) == (7,)


def test_server_is_asked_again_as_soon_as_it_answers(hanging: Engine, proxy: TcpProxy) -> None:
    with pytest.raises(TemporarilyUnavailable), database.reading(hanging):
        pytest.fail("connected")
    proxy.restore()

    with database.reading(hanging) as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


def test_nobody_waits_for_a_server_that_is_known_to_be_away(hanging: Engine) -> None:
    _look_in_vain(hanging)

    began = time.monotonic()
    for opened in (database.reading, database.writing) * 5:
        with pytest.raises(TemporarilyUnavailable) as refused, opened(hanging):
            pytest.fail("connected")
        assert refused.value.detail == "the database is known to be away"
    # Of the ten, any that waited would have waited for longer.
    assert time.monotonic() - began < postgresql.WAIT_SECONDS


def test_who_looks_gives_up_soon(hanging: Engine, proxy: TcpProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the database hangs and nobody knows it, every request waits."""
    # The others' patience, so much longer that a slow machine cannot take the one for the other.
    monkeypatch.setattr(postgresql, "_ANSWER_SECONDS", 60)
    proxy.restore()

    def hang_in_look() -> None:
        with database.looking(hanging) as connection:
            proxy.hang()
            connection.execute(text("SELECT 1"))

    began = time.monotonic()
    with pytest.raises(TemporarilyUnavailable):
        hang_in_look()
    assert time.monotonic() - began < 20


def test_server_that_was_away_is_there_when_a_look_has_seen_it(hanging: Engine, proxy: TcpProxy) -> None:
    _look_in_vain(hanging)
    proxy.restore()
    with pytest.raises(TemporarilyUnavailable), database.reading(hanging):
        pytest.fail("nobody has looked")

    with database.looking(hanging) as connection:
        connection.execute(text("SELECT 1"))

    with database.reading(hanging) as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


def test_server_that_is_busy_when_somebody_looks_is_there(engine: Engine) -> None:
    def look() -> None:
        with database.looking(engine) as connection:
            connection.execute(text("SET LOCAL statement_timeout = 10"))
            connection.execute(text("SELECT pg_sleep(0.5)"))

    with pytest.raises(TemporarilyUnavailable):
        look()

    with database.reading(engine) as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


def test_server_is_there_when_a_look_finds_no_connection_left(hanging: Engine, proxy: TcpProxy) -> None:
    proxy.restore()

    with database.reading(hanging) as connection:
        with pytest.raises(TemporarilyUnavailable), database.looking(hanging):
            pytest.fail("a second connection from a pool of one")
        assert connection.execute(text("SELECT 7")).scalar_one() == 7

    with database.reading(hanging) as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


def _look_in_vain(engine: Engine) -> None:
    with pytest.raises(TemporarilyUnavailable), database.looking(engine):
        pytest.fail("connected")


def test_statement_that_takes_too_long_is_ended_by_the_server_and_the_connection_stays(
    engine: Engine,
) -> None:
    with database.reading(engine) as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()

    with pytest.raises(TemporarilyUnavailable), database.reading(engine) as connection:
        connection.execute(text("SELECT pg_sleep(10)"))

    with database.reading(engine) as connection:
        assert connection.execute(text("SELECT pg_backend_pid()")).scalar_one() == pid


def test_transaction_may_be_told_to_be_patient(engine: Engine) -> None:
    with database.writing(engine) as connection:
        postgresql.be_patient(connection, 60)
        connection.execute(text("SELECT pg_sleep(3)"))


def test_patience_ends_with_its_transaction(engine: Engine) -> None:
    with database.writing(engine) as connection:
        postgresql.be_patient(connection, 60)

    with pytest.raises(TemporarilyUnavailable), database.reading(engine) as connection:
        connection.execute(text("SELECT pg_sleep(10)"))


def test_first_start_waits_for_another_that_takes_its_time(engine: Engine) -> None:
    entered = threading.Event()
    with database.start_lock(engine):
        second = threading.Thread(target=_hold_lock, args=(engine, entered))
        second.start()
        came_too_early = entered.wait(postgresql.WAIT_SECONDS + 1)
    second.join()

    assert not came_too_early
    assert entered.is_set()


def _hold_lock(engine: Engine, entered: threading.Event) -> None:
    with database.start_lock(engine):
        entered.set()
