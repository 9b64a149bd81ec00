"""How long the console's pages take in a large registry, warm: `pytest -m benchmark -s`."""

import hashlib
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from issuer.model.signing_key import KeyPurpose
from issuer.store import db
from tests.benchmarks import figures, large_registry
from tests.benchmarks.large_registry import FIRST, identifier_of
from tests.conftest import CountingEntropy, FixedClock, fresh_database_url
from tests.oauth.world import Credentials, World, loaded_keys, make_settings, opened_world
from tests.pages import signed_in
from tests.pages.signed_in import Member

__all__ = ["loaded_keys"]

pytestmark = pytest.mark.benchmark

ROUNDS = 7
CHECK = "/admin/audiences/check"
HEAD = f"{'page':<50}{'first ms':>10}{'median ms':>11}{'worst ms':>10}"
CLIENT = f"client-{FIRST:05d}"
# Permitted to every client, and to a few.
EVERYBODYS, ONE = f"/admin/audiences/{FIRST}", f"/admin/audiences/{FIRST + 7}"
EVERYTHING, SOME = f"/admin/clients/{CLIENT}", f"/admin/clients/client-{FIRST + 8:05d}"

PAGES = {
    "front page": "/admin",
    "services": "/admin/services",
    "services, by audiences": "/admin/services?sort=-audiences",
    "services, filtered": "/admin/services?state=active",
    "services, searched": "/admin/services?q=team+7",
    "a service": f"/admin/services/{FIRST}",
    "a service, edit": f"/admin/services/{FIRST}/edit",
    "audiences": "/admin/audiences",
    "audiences, by tokens": "/admin/audiences?sort=-tokens",
    "audiences, filtered": "/admin/audiences?service=Service+107",
    "audiences, finding": "/admin/audiences?finding=no-client",
    "audiences, searched": "/admin/audiences?q=thing-05",
    "audiences, nothing found": "/admin/audiences?q=no+such+thing",
    "audiences, new": "/admin/audiences/new",
    "clients": "/admin/clients",
    "clients, by tokens": "/admin/clients?sort=-tokens",
    "clients, filtered": "/admin/clients?state=disabled",
    "clients, finding": "/admin/clients?finding=no-permission",
    "clients, searched": "/admin/clients?q=client-05",
    "clients, nothing found": "/admin/clients?q=no+such+thing",
    "clients, new": "/admin/clients/new",
    "users, 1,000": "/admin/users",
    "users, filtered": "/admin/users?role=auditor",
    "users, searched": "/admin/users?q=user-005",
    "a user": f"/admin/users/by-name/user-{FIRST:05d}",
    "my account": "/admin/account",
}
TABS_OF_AUDIENCE = {
    "": "",
    "scopes": "/scopes",
    "clients": "/clients",
    "clients, by last token": "/clients?sort=-last_used",
    "clients, searched": "/clients?q=client-05",
    "clients, pick": "/clients/pick",
    "clients, pick, searched": "/clients/pick?q=client-05",
    "token policy": "/token-policy",
    "aliases": "/aliases",
    "activity": "/activity",
    "activity, a week": "/activity?span=week",
    "danger": "/danger",
}
TABS_OF_CLIENT = {
    "": "",
    "access": "/access",
    "access, by last token": "/access?sort=-last_used",
    "access, searched": "/access?q=thing-05",
    "access, pick": "/access/new",
    "access, pick, searched": "/access/new?q=thing-05",
    "access, one": f"/access/{FIRST}",
    "credentials": "/credentials",
    "families": "/families",
    "families, filtered": "/families?state=live",
    "activity": "/activity",
    "activity, a week": "/activity?span=week",
    "danger": "/danger",
}

Ask = Callable[[], TestResponse]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_pages_of_a_large_registry(request, tmp_path: Path, loaded_keys, dialect, report: figures.Report):
    settings = make_settings(fresh_database_url(request, tmp_path, dialect), tmp_path)
    with opened_world(settings, FixedClock(), CountingEntropy(), loaded_keys, tmp_path) as world:
        world.add_audience("https://orders.example", "read")
        robot = world.add_client("Robot", "https://orders.example")
        world.look()
        token = world.ask(robot).token
        _fill(world, loaded_keys)
        report.notes.append(
            f"\npages of 10,000 audiences, 10,000 clients, 100,000 permissions and events: {dialect}"
        )
        report.notes.append(HEAD)
        for name, ask in _list_asked(world, robot, token):
            report.notes.append(_time(name, ask))


@pytest.fixture(params=["digits", "letters", "hexadecimal digits"])
def spelling(request, monkeypatch) -> str:
    """Let all audiences share one host, and say in what they differ."""
    monkeypatch.setattr(large_registry, "identifier_of", lambda number: _spell(number, request.param))
    return request.param


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_pages_of_an_audience_among_many_alike(
    request, tmp_path: Path, loaded_keys, dialect, spelling, report: figures.Report
):
    """Where only their paths tell them apart, lint looks long for twins."""
    settings = make_settings(fresh_database_url(request, tmp_path, dialect), tmp_path)
    with opened_world(settings, FixedClock(), CountingEntropy(), loaded_keys, tmp_path) as world:
        _fill(world, loaded_keys)
        owner = signed_in.sign_in_as(world, "owner")
        report.notes.append(f"\n10,000 audiences of one host that differ in {spelling}: {dialect}")
        report.notes.append(HEAD)
        typed = {
            "csrf_token": owner.find_token(),
            "identifier": f"{_spell(0, spelling)}x",
            "service_name": "S",
        }
        for name, ask in {
            "an audience, 10,000 clients": lambda: owner.open(EVERYBODYS),
            "an audience": lambda: owner.open(ONE),
            "audiences, new, as it is typed": lambda: owner.ask("POST", CHECK, data=typed),
        }.items():
            report.notes.append(_time(name, ask))


def _fill(world: World, loaded_keys) -> None:
    kid = next(key.stored.kid for key in loaded_keys if key.stored.purpose is KeyPurpose.REFRESH)
    with db.writing(world.parts.engine) as connection:
        large_registry.fill_beside(connection, kid)


def _spell(number: int, spelling: str) -> str:
    scattered = hashlib.sha256(str(number).encode()).hexdigest()
    ends = {
        "digits": f"thing-{number:05d}",
        "letters": scattered.translate(str.maketrans("0123456789", "ghijklmnop"))[:9],
        "hexadecimal digits": scattered[:9],
    }
    return f"https://api.example/v1/{ends[spelling]}"


def _time(name: str, ask: Ask) -> str:
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = ask()
        took.append((time.perf_counter() - begun) * 1000)
        assert answer.status_code == 200, name
    first, *warm = took
    return f"{name:<50}{first:>10.1f}{statistics.median(warm):>11.1f}{max(warm):>10.1f}"


def _list_asked(world: World, robot: Credentials, token: str) -> Iterator[tuple[str, Ask]]:
    owner = signed_in.sign_in_as(world, "owner")
    for name, path in _list_paths():
        yield name, lambda path=path: owner.open(path)
    yield from _list_inspected(owner, robot, token)


def _list_paths() -> Iterator[tuple[str, str]]:
    yield from PAGES.items()
    for which, place, tabs in (
        ("an audience, 10,000 clients", EVERYBODYS, TABS_OF_AUDIENCE),
        ("an audience", ONE, TABS_OF_AUDIENCE),
        ("a client, 10,000 audiences", EVERYTHING, TABS_OF_CLIENT),
        ("a client", SOME, TABS_OF_CLIENT),
    ):
        for name, path in tabs.items():
            yield f"{which}: {name or 'overview'}", place + path


def _list_inspected(owner: Member, robot: Credentials, token: str) -> Iterator[tuple[str, Ask]]:
    form = {"csrf_token": owner.find_token(), "token": token}
    searched = {**form, "q": "thing-0", "after": "25"}
    yield "inspector", lambda: owner.ask("POST", "/admin/inspector", data=form)
    yield "inspector, page 2, searched", lambda: owner.ask("POST", "/admin/inspector", data=searched)
    for name, path in {
        "preview, empty": "/admin/preview",
        "preview, a token": f"/admin/preview?client_id={robot.client_id}",
        "preview, refused, 10,000 permissions": f"/admin/preview?client_id={CLIENT}"
        f"&resource={identifier_of(FIRST + 1)}x",
        "audit": "/admin/audit",
        "audit, searched": "/admin/audit?q=thing-05",
        "audit, filtered": f"/admin/audit?target={identifier_of(FIRST)}",
        "keys": "/admin/keys",
    }.items():
        yield name, lambda path=path: owner.open(path)
