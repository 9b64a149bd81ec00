from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from issuer.model.audit_event import Actor, ActorKind
from issuer.model.issuance import Issuance
from issuer.model.usage import UsageKey, UsageSum
from issuer.registry import clients
from issuer.registry.clients import NewClient
from issuer.registry.registrar import Registrar
from issuer.store import clients as client_store
from issuer.store import db, issuance, usage
from issuer.store.tables import IssuanceRow, UsageRow

KEY = UsageKey(3600, 1, 2, "client_credentials", "issued")
OTHER = UsageKey(3600, 0, 0, "", "invalid_client")


def sums(engine):
    """Return what is counted, by key."""
    with db.reading(engine) as connection:
        return {
            UsageKey(row.hour, row.client_key, row.audience_id, row.grant_type, row.outcome): UsageSum(
                row.count, row.last_at, row.max_exp
            )
            for row in connection.execute(select(UsageRow))
        }


def test_counts_add_up_and_the_later_times_win(engine):
    with db.writing(engine) as connection:
        usage.add_counts(connection, {KEY: UsageSum(2, 3700, 4600), OTHER: UsageSum(1, 3650, 0)})
    with db.writing(engine) as connection:
        usage.add_counts(connection, {KEY: UsageSum(3, 3690, 4700)})

    assert sums(engine) == {KEY: UsageSum(5, 3700, 4700), OTHER: UsageSum(1, 3650, 0)}


def test_nothing_counted_writes_nothing(engine):
    with db.writing(engine) as connection:
        usage.add_counts(connection, {})
        client_store.change_last_used(connection, {})

    assert sums(engine) == {}


def test_many_keys_fit_in_one_call(engine):
    many = {UsageKey(hour, 1, 1, "g", "issued"): UsageSum(1, hour, hour) for hour in range(10_000)}

    with db.writing(engine) as connection:
        usage.add_counts(connection, many)

    assert sums(engine) == many


def test_the_last_issue_of_each_pair_is_listed_as_far_as_it_is_recent(engine):
    later = KEY._replace(hour=7200)
    given = {
        KEY: UsageSum(1, 3700, 4600),
        later: UsageSum(1, 7300, 8200),
        KEY._replace(audience_id=3): UsageSum(1, 3600, 4500),
        KEY._replace(audience_id=4, outcome="invalid_scope"): UsageSum(1, 7300, 0),
        KEY._replace(client_key=5, grant_type="refresh_token"): UsageSum(1, 3800, 4700),
    }
    with db.writing(engine) as connection:
        usage.add_counts(connection, given)

    with db.reading(engine) as connection:
        last = usage.list_last_issued(connection, 3600)

    assert last == {(1, 2): 7300, (5, 2): 3800}


def test_counts_of_several_workers_lose_none(engine):
    keys = [UsageKey(hour, 1, 1, "g", "issued") for hour in range(20)]

    def write(turn):
        given = keys if turn % 2 else keys[::-1]
        with db.writing(engine) as connection:
            usage.add_counts(connection, dict.fromkeys(given, UsageSum(1, 1, 1)))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(12)))

    assert {total.count for total in sums(engine).values()} == {12}


@pytest.fixture
def registrar(session, clock, entropy):
    """Give a registrar."""
    return Registrar(session, Actor(ActorKind.SYSTEM, "test"), clock, entropy, "https://i.example", 3600)


def test_the_later_use_of_a_secret_wins(registrar, engine):
    client, _ = clients.add_client(registrar, NewClient("Robot"))
    secret_id = client.secrets[0].id

    with db.writing(engine) as connection:
        client_store.change_last_used(connection, {secret_id: 50, "unknown": 50})
        client_store.change_last_used(connection, {secret_id: 40})

    assert clients.find_client(registrar, client.client_id).secrets[0].last_used_at == 50


def test_an_issuance_is_stored_as_given(engine):
    issued = Issuance("j", 5, "robot", "robot", ("b", "a"), "read", "client_credentials", "kid", 905, "r1")

    with db.writing(engine) as connection:
        issuance.add_issuance(connection, issued)

    with db.reading(engine) as connection:
        row = connection.execute(select(IssuanceRow)).one()
    assert Issuance(**{**row._asdict(), "aud": tuple(row.aud)}) == issued


def totals(engine):
    """Return what is counted since ever, by audience, grant type and outcome: count and first_at."""
    with db.reading(engine) as connection:
        return {
            (each.audience_id, each.grant_type, each.outcome): (each.count, each.first_at)
            for each in usage.list_totals(connection)
        }


def test_totals_add_up_over_hours_and_clients_and_remember_the_first(engine):
    later = KEY._replace(hour=7200, client_key=9)
    for given in (
        {KEY: UsageSum(2, 3700, 1), later: UsageSum(3, 7300, 1)},
        {later: UsageSum(1, 7400, 1), OTHER: UsageSum(1, 5, 0)},
    ):
        with db.writing(engine) as connection:
            usage.add_counts(connection, given)

    assert totals(engine) == {
        (2, "client_credentials", "issued"): (6, 3700),
        (0, "", "invalid_client"): (1, 5),
    }


def test_totals_stay_when_counts_are_removed(engine):
    with db.writing(engine) as connection:
        usage.add_counts(connection, {KEY: UsageSum(2, 3700, 1)})
        assert usage.remove_counts(connection, KEY.hour + 1, 10) == 1

    assert sums(engine) == {}
    assert totals(engine) == {(2, "client_credentials", "issued"): (2, 3700)}
