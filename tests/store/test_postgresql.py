"""PostgreSQL that hangs: nobody waits for ever, and those who may wait long still can."""

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from issuer.errors import TemporarilyUnavailable
from issuer.store import db as database
from issuer.store import postgresql
from tests.flows.tcp_proxy import TcpProxy, proxied

pytestmark = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def proxy(database_url: str) -> Iterator[TcpProxy]:
    """Give a proxy in front of PostgreSQL."""
    with proxied(make_url(database_url).port or 5432) as proxy:
        yield proxy


@pytest.fixture
def hanging(database_url: str, proxy: TcpProxy) -> Iterator[Engine]:
    """Give an engine with one connection in its pool, to a server that has just stopped to answer."""
    url = database.make_url_of(database_url).set(port=proxy.port)
    engine = create_engine(url, **database.engine_options(url, 1))
    database.prepare_engine(engine)
    with database.reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    proxy.hang()
    yield engine
    engine.dispose()


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


def test_server_is_asked_again_as_soon_as_it_answers(hanging: Engine, proxy: TcpProxy) -> None:
    with pytest.raises(TemporarilyUnavailable), database.reading(hanging):
        pytest.fail("connected")
    proxy.restore()

    with database.reading(hanging) as connection:
        assert connection.execute(text("SELECT 7")).scalar_one() == 7


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
