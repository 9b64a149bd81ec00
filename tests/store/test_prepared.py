"""An UPDATE that the driver runs by itself does what SQLAlchemy would do with it."""

import pytest
from sqlalchemy import bindparam, update
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from issuer.errors import TemporarilyUnavailable
from issuer.store import db
from issuer.store.prepared import PreparedUpdate
from issuer.store.tables import RegistryVersionRow

_RAISE = (
    update(RegistryVersionRow)
    .where(RegistryVersionRow.version == bindparam("seen"))
    .values(version=RegistryVersionRow.version + bindparam("by"))
    .returning(RegistryVersionRow.version)
)


def test_row_that_was_changed_is_told(engine: db.Engine) -> None:
    with db.writing(engine) as connection:
        row = PreparedUpdate("test_raise", _RAISE).change_row(connection, {"seen": 1, "by": 6})

    assert row == (7,)
    assert _version(engine) == 7


def test_nothing_is_told_where_no_row_is_meant(engine: db.Engine) -> None:
    with db.writing(engine) as connection:
        assert PreparedUpdate("test_raise", _RAISE).change_row(connection, {"seen": 2, "by": 6}) is None


def test_it_stands_in_the_transaction(engine: db.Engine) -> None:
    def fail() -> None:
        with db.writing(engine) as connection:
            PreparedUpdate("test_raise", _RAISE).change_row(connection, {"seen": 1, "by": 6})
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert _version(engine) == 1


def test_error_of_the_driver_is_one_of_sqlalchemy(engine: db.Engine) -> None:
    """NOT NULL: both drivers know an integrity error, each of its own class."""
    statement = _RAISE.values(version=bindparam("nothing"))

    with pytest.raises(IntegrityError), db.writing(engine) as connection:
        PreparedUpdate("test_raise", statement).change_row(connection, {"seen": 1, "nothing": None})

    assert _version(engine) == 1


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_connection_that_is_lost_is_away_and_replaced(engine: db.Engine) -> None:
    def lose() -> None:
        with db.writing(engine) as connection:
            pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
            with db.writing(engine) as other:
                other.exec_driver_sql("SELECT pg_terminate_backend(%s, 2000)", (pid,))
            PreparedUpdate("test_raise", _RAISE).change_row(connection, {"seen": 1, "by": 6})

    with pytest.raises(TemporarilyUnavailable) as refused:
        lose()

    assert isinstance(refused.value.__cause__, OperationalError)
    assert refused.value.__cause__.connection_invalidated
    with db.writing(engine) as connection:
        assert PreparedUpdate("test_raise", _RAISE).change_row(connection, {"seen": 1, "by": 6}) == (7,)


def test_statement_may_stand_behind_others(engine: db.Engine) -> None:
    with db.writing(engine) as connection:
        connection.execute(update(RegistryVersionRow).values(version=4))

        assert PreparedUpdate("test_raise", _RAISE).change_row(connection, {"seen": 4, "by": 6}) == (10,)
        assert PreparedUpdate("test_raise", _RAISE).change_row(connection, {"seen": 10, "by": 1}) == (11,)

    assert _version(engine) == 11


def test_others_may_stand_behind_it(engine: db.Engine) -> None:
    with db.writing(engine) as connection:
        PreparedUpdate("test_raise", _RAISE).change_row(connection, {"seen": 1, "by": 6})
        connection.execute(update(RegistryVersionRow).values(version=RegistryVersionRow.version + 1))

    assert _version(engine) == 8


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_statement_that_the_server_forgot_is_told_again(engine: db.Engine) -> None:
    """The driver has the server forget all its statements after a ROLLBACK, a pooler whenever it likes."""
    prepared = PreparedUpdate("test_raise", _RAISE)
    with db.writing(engine) as connection:
        prepared.change_row(connection, {"seen": 1, "by": 1})
    with db.writing(engine) as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")

    with db.writing(engine) as connection:
        row = prepared.change_row(connection, {"seen": 2, "by": 6})

    assert row == (8,)
    assert _version(engine) == 8


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_statement_that_is_forgotten_within_a_transaction_ends_it(engine: db.Engine) -> None:
    """What the transaction has done before must not be lost without a word."""
    prepared = PreparedUpdate("test_raise", _RAISE)
    with db.writing(engine) as connection:
        prepared.change_row(connection, {"seen": 1, "by": 1})

    def forget() -> None:
        with db.writing(engine) as connection:
            connection.execute(update(RegistryVersionRow).values(version=20))
            connection.exec_driver_sql("DEALLOCATE ALL")
            prepared.change_row(connection, {"seen": 20, "by": 6})

    with pytest.raises(ProgrammingError):
        forget()

    assert _version(engine) == 2


def _version(engine: db.Engine) -> int:
    with db.reading(engine) as connection:
        return connection.execute(RegistryVersionRow.__table__.select()).one().version
