"""`issuer tick`: what it prints, and that a second one beside it is no failure."""

import sqlite3
from contextlib import closing

from issuer.registry import key_upkeep, tick
from tests.cli.conftest import START

NOTHING = {
    "revoked_tokens": 0,
    "families": 0,
    "registry_changes": 0,
    "issuances": 0,
    "usage": 0,
    "auth_failures": 0,
    "sign_in_failures": 0,
    "web_sessions": 0,
    "refusals": 0,
    "jwks_fetches": 0,
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

    done = {"is_done": True, "removed": {**NOTHING, "usage": 1}, "keys": {"rotated": [], "erased": []}}
    assert (ran.status, ran.document) == (0, done)


def test_tick_prints_a_line_for_each_kind(used):
    ran = used("tick")

    assert ran.status == 0
    assert [line.split() for line in ran.out.splitlines()] == [[name, "0"] for name in NOTHING]


def test_tick_beside_another_does_nothing_and_is_no_failure(used, data_dir):
    used("tick")
    run_sql(data_dir, "UPDATE lease SET holder = 'another', until = ?", START + 30)

    ran = used("tick", "--json")

    assert (ran.status, ran.document) == (0, {"is_done": False, "removed": None, "keys": None})
    assert ran.err == "Another process is at it right now.\n"


def test_tick_keeps_as_long_as_the_settings_say(used, data_dir):
    add_count(data_dir, days_ago=93)

    kept = used("tick", "--json").document["removed"]["usage"]
    swept = used("tick", "--json", env={"ISSUER_USAGE_KEEP_DAYS": "92"}).document["removed"]["usage"]

    assert (kept, swept) == (0, 1)


def test_a_tick_that_was_done_is_remembered(used, data_dir):
    used("tick")

    with closing(sqlite3.connect(data_dir / "issuer.db")) as connection:
        found = connection.execute("SELECT name, succeeded_at FROM lease").fetchall()
    assert sorted(found) == [(key_upkeep.LEASE, START), (tick.LEASE, START)]


def age_keys(data_dir, days: int) -> None:
    run_sql(
        data_dir, "UPDATE signing_key SET signs_from = signs_from - ? WHERE alg != 'RS256'", days * 86_400
    )


def test_tick_lets_old_keys_be_followed(used, data_dir):
    used("key", "list")
    age_keys(data_dir, 89)

    rotated = used("tick", "--json").document["keys"]["rotated"]

    listed = used("key", "list", "--json").document["items"]
    assert [key["kid"] for key in listed if key["state"] == "pending"] == rotated
    assert [key["alg"] for key in listed if key["kid"] in rotated] == ["ES256"]


def test_tick_prints_when_the_next_key_signs(used, data_dir):
    used("key", "list")
    age_keys(data_dir, 89)

    ran = used("tick")

    assert ran.out.splitlines()[-1].startswith("ES256: ")
    assert ran.out.splitlines()[-1].endswith(" signs from 2027-01-16T08:00:00Z.")


def test_keys_are_followed_as_often_as_the_settings_say(used, data_dir):
    used("key", "list")
    age_keys(data_dir, 89)

    never = used("tick", "--json", env={"ISSUER_KEY_ROTATION_DAYS": "0"}).document["keys"]
    rarely = used("tick", "--json", env={"ISSUER_KEY_ROTATION_DAYS": "365"}).document["keys"]

    assert never == rarely == {"rotated": [], "erased": []}
