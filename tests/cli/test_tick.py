"""`issuer tick`: what it prints, and that a second one beside it is no failure."""

import sqlite3
from contextlib import closing

from issuer.registry import tick
from tests.cli.conftest import START

NOTHING = {
    "revoked_tokens": 0,
    "families": 0,
    "registry_changes": 0,
    "issuances": 0,
    "usage": 0,
    "auth_failures": 0,
}


def run_sql(data_dir, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(data_dir / "issuer.db")) as connection, connection:
        connection.execute(statement, values)


def add_count(data_dir, days_ago: int) -> None:
    hour = START - days_ago * 86_400
    run_sql(data_dir, "INSERT INTO usage VALUES (?, 1, 1, 'g', 'issued', 1, 0, 0)", hour)


def test_tick_tells_what_it_removed(used, data_dir):
    add_count(data_dir, days_ago=500)

    ran = used("tick", "--json")

    assert (ran.status, ran.document) == (0, {"is_done": True, "removed": {**NOTHING, "usage": 1}})


def test_tick_prints_a_line_for_each_kind(used):
    ran = used("tick")

    assert ran.status == 0
    assert [line.split() for line in ran.out.splitlines()] == [[name, "0"] for name in NOTHING]


def test_tick_beside_another_does_nothing_and_is_no_failure(used, data_dir):
    used("tick")
    run_sql(data_dir, "UPDATE lease SET holder = 'another', until = ?", START + 30)

    ran = used("tick", "--json")

    assert (ran.status, ran.document) == (0, {"is_done": False, "removed": None})
    assert ran.err == "Another process is at it right now.\n"


def test_tick_keeps_as_long_as_the_settings_say(used, data_dir):
    add_count(data_dir, days_ago=33)

    kept = used("tick", "--json").document["removed"]["usage"]
    swept = used("tick", "--json", env={"ISSUER_USAGE_KEEP_DAYS": "32"}).document["removed"]["usage"]

    assert (kept, swept) == (0, 1)


def test_a_tick_that_was_done_is_remembered(used, data_dir):
    used("tick")

    with closing(sqlite3.connect(data_dir / "issuer.db")) as connection:
        found = connection.execute("SELECT name, succeeded_at FROM lease").fetchall()
    assert found == [(tick.LEASE, START)]
