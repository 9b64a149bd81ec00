"""How long inspector, preview, audit and keys take in a large registry, warm: `pytest -m benchmark -s`."""

import statistics
import time
from pathlib import Path

import pytest

from issuer.store import db
from tests.benchmarks import figures, large_registry
from tests.benchmarks.large_registry import FIRST, identifier_of
from tests.conftest import CountingEntropy, FixedClock, fresh_database_url
from tests.oauth.world import loaded_keys, make_settings, opened_world
from tests.pages import signed_in

__all__ = ["loaded_keys"]

pytestmark = pytest.mark.benchmark

ROUNDS = 7

_LEFT_OUT = {"signing_key", "family", "usage", "refusal"}
# Permissions are numbered from 0 there, where the robot's is.
_NUMBERS = {"permission": "id", "permission_scope": "permission_id"}


def _list_rows(name: str, rows):
    """Return the rows of a table as they are added here; the client with all permissions is active."""
    if name == "client":
        return ({**row, "state": "active"} for row in rows)
    number = _NUMBERS.get(name)
    return rows if number is None else ({**row, number: row[number] + FIRST} for row in rows)


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_pages_of_a_large_registry(request, tmp_path: Path, loaded_keys, dialect, report: figures.Report):
    settings = make_settings(fresh_database_url(request, tmp_path, dialect), tmp_path)
    with opened_world(settings, FixedClock(), CountingEntropy(), loaded_keys, tmp_path) as world:
        world.add_audience("https://orders.example", "read")
        robot = world.add_client("Robot", "https://orders.example")
        world.look()
        token = world.ask(robot).token
        with db.writing(world.parts.engine) as connection:
            for table, rows in large_registry._list_tables():
                name = table.__tablename__
                if name not in _LEFT_OUT:
                    large_registry._insert(connection, table, _list_rows(name, rows))
        owner = signed_in.sign_in_as(world, "owner")
        form = {"csrf_token": owner.find_token(), "token": token}
        of_many = f"/admin/preview?client_id=client-{FIRST:05d}"
        asked = {
            "inspector": lambda: owner.ask("POST", "/admin/inspector", data=form),
            "inspector, page 2, searched": lambda: owner.ask(
                "POST", "/admin/inspector", data={**form, "q": "thing-0", "after": "25"}
            ),
            "preview, empty": lambda: owner.open("/admin/preview"),
            "preview, a token": lambda: owner.open(f"/admin/preview?client_id={robot.client_id}"),
            "preview, refused, 10,000 permissions": lambda: owner.open(
                f"{of_many}&resource={identifier_of(FIRST + 1)}x"
            ),
            "audit": lambda: owner.open("/admin/audit"),
            "audit, searched": lambda: owner.open("/admin/audit?q=thing-05"),
            "audit, filtered": lambda: owner.open(f"/admin/audit?target={identifier_of(FIRST)}"),
            "keys": lambda: owner.open("/admin/keys"),
        }
        report.notes.append(f"\npages of 10,000 audiences, 10,000 clients, 100,000 events: {dialect}")
        report.notes.append(f"{'page':<50}{'first ms':>10}{'median ms':>11}{'worst ms':>10}")
        for name, ask in asked.items():
            took = []
            for _ in range(ROUNDS):
                begun = time.perf_counter()
                assert ask().status_code == 200
                took.append((time.perf_counter() - begun) * 1000)
            first, *warm = took
            line = f"{name:<50}{first:>10.1f}{statistics.median(warm):>11.1f}{max(warm):>10.1f}"
            report.notes.append(line)
