"""Whoever is not known cannot make the server remember: no row, no value in memory for each request.

Unauthenticated operations that create unbounded state: Vault CVE-2026-5807, OpenBao CVE-2026-46405.
"""

import pytest
from sqlalchemy import func, inspect, select, table

from issuer import app
from issuer.store import db as database
from tests.oauth.world import Credentials, World, watching_statements


def _flood(world: World, requests: int) -> None:
    for number in range(requests):
        world.ask(
            Credentials(f"nobody{number}", "x"),
            grant_type="client_credentials" if number % 2 else f"grant{number}",
            resource=f"https://nowhere{number}.example",
            scope=f"scope{number}",
        )
        world.send("GET", f"/nowhere{number}", headers={"X-Request-ID": f"id{number}"})


def _rows(world: World) -> dict[str, int]:
    with database.reading(world.parts.engine) as connection:
        return {
            name: connection.execute(select(func.count()).select_from(table(name))).scalar_one()
            for name in inspect(connection).get_table_names()
        }


def _assert_bounded(world: World, requests: int) -> None:
    before = _rows(world)

    _flood(world, requests)
    app.write_once(world.parts)
    after = _rows(world)

    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    # Refused as unsupported, as unknown, and for too many failures; times of answers in one row.
    assert grown == {"usage": 3, "usage_total": 3, "token_duration": 1}
    assert world.parts.cache._records == {}
    assert world.parts.usage._sums == {}
    assert world.parts.refusals.dropped == 0


def test_requests_of_nobody_leave_a_few_sums_and_nothing_else(open_world):
    _assert_bounded(open_world(), 300)


@pytest.mark.soak
def test_100_000_requests_of_nobody_leave_a_few_sums_and_nothing_else(open_world):
    _assert_bounded(open_world(), 100_000)


def test_what_a_client_asks_in_vain_leaves_one_sum_and_the_last_refusals(world: World, robot: Credentials):
    """Three of a client are kept each time they are written, and the newest 20,000 of all in the table."""
    world.ask(robot)
    app.write_once(world.parts)
    before = _rows(world)

    for number in range(100):
        world.ask(robot, resource=f"https://nowhere{number}.example", scope=f"s{number}")
    app.write_once(world.parts)
    after = _rows(world)

    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {
        "usage": 1,
        "usage_total": 1,
        "refusal": 3,
    }


@pytest.mark.parametrize("path", ["/.well-known/jwks.json", "/.well-known/openid-configuration"])
@pytest.mark.parametrize("query", ["", "?kid=unknown", "?v=1"])
def test_documents_ask_the_database_nothing(world: World, path: str, query: str):
    """A random kid makes verifiers fetch the keys again and again: PyJWT CVE-2026-48524."""
    with watching_statements(world.parts.engine) as statements:
        answers = [world.send("GET", path + query) for _ in range(20)]

    assert {answer.status for answer in answers} == {200}
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert statements == []
