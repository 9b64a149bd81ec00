"""Whoever is not known cannot make the server remember: no row, no value in memory for each request.

Unauthenticated operations that create unbounded state: Vault CVE-2026-5807, OpenBao CVE-2026-46405.
"""

import pytest
from sqlalchemy import func, inspect, select, table

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
    world.parts.usage.write_once()
    after = _rows(world)

    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {"usage": 2}
    assert world.parts.cache._records == {}
    assert world.parts.usage._sums == {}


def test_requests_of_nobody_leave_two_sums_and_nothing_else(open_world):
    _assert_bounded(open_world(), 300)


@pytest.mark.soak
def test_100_000_requests_of_nobody_leave_two_sums_and_nothing_else(open_world):
    _assert_bounded(open_world(), 100_000)


def test_what_a_client_asks_in_vain_leaves_one_sum(world: World, robot: Credentials):
    world.ask(robot)
    world.parts.usage.write_once()
    before = _rows(world)

    for number in range(100):
        world.ask(robot, resource=f"https://nowhere{number}.example", scope=f"s{number}")
    world.parts.usage.write_once()
    after = _rows(world)

    assert {name: after[name] - before[name] for name in after if after[name] != before[name]} == {"usage": 1}


@pytest.mark.parametrize("path", ["/.well-known/jwks.json", "/.well-known/openid-configuration"])
@pytest.mark.parametrize("query", ["", "?kid=unknown", "?v=1"])
def test_documents_ask_the_database_nothing(world: World, path: str, query: str):
    """A random kid makes verifiers fetch the keys again and again: PyJWT CVE-2026-48524."""
    with watching_statements(world.parts.engine) as statements:
        answers = [world.send("GET", path + query) for _ in range(20)]

    assert {answer.status for answer in answers} == {200}
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert statements == []
