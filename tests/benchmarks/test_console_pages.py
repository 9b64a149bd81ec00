"""How long the console's pages take in a large registry, warm: `pytest -m benchmark -s`."""

import hashlib
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from werkzeug.test import EnvironBuilder, TestResponse

from issuer import hashing
from issuer.model.audience import SigningAlg
from issuer.model.signing_key import KeyPurpose
from issuer.store import db
from issuer.store.tables import AudienceRow, AuditEventRow, ClientSecretRow, SigningKeyRow
from tests.benchmarks import figures, in_process, large_registry
from tests.benchmarks.large_registry import FIRST, identifier_of
from tests.browser import sound_pages
from tests.conftest import CountingEntropy, FixedClock, fresh_database_url
from tests.oauth.world import (
    FORM,
    ISSUER,
    TOKEN,
    Credentials,
    OpenWorld,
    World,
    database_url,
    encode,
    loaded_keys,
    make_settings,
    open_world,
    opened_world,
)
from tests.pages import signed_in

__all__ = ["database_url", "loaded_keys", "open_world"]

ROUNDS = 7
MOST_MILLISECONDS = 150
CHECK = "/admin/audiences/check"
ORDERS = "https://orders.example"
HEAD = f"{'page':<50}{'first ms':>10}{'median ms':>11}{'worst ms':>10}"
CLIENT = f"client-{FIRST:05d}"
# Permitted to every client, and to a few.
EVERYBODYS, ONE = f"/admin/audiences/{FIRST}", f"/admin/audiences/{FIRST + 7}"
EVERYTHING, SOME = f"/admin/clients/{CLIENT}", f"/admin/clients/client-{FIRST + 8:05d}"

PAGES = {
    "front page": "/admin",
    "refusals": "/admin/refusals",
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
    "a user, edit": f"/admin/users/by-name/user-{FIRST:05d}/edit",
    "a user, password": f"/admin/users/by-name/user-{FIRST:05d}/password",
    "users, new": "/admin/users/new",
    "my account": "/admin/account",
    "my password": "/admin/account/password",
    "step-up": "/admin/step-up?next=/admin/users&again=1",
    "services, new": "/admin/services/new",
}
OUTSIDE = {"sign-in": "/admin/sign-in?next=/admin/users"}
# Shown only where nobody can sign in, so nothing large is behind it.
UNTIMED = {"admin.setup"}
TABS_OF_AUDIENCE = {
    "": "",
    "scopes": "/scopes",
    "clients": "/clients",
    "clients, by last token": "/clients?sort=-last_used",
    "clients, searched": "/clients?q=client-05",
    "clients, pick": "/clients/pick",
    "clients, pick, searched": "/clients/pick?q=client-05",
    "clients, grant": f"/clients/grant?client={CLIENT}",
    "clients, revoke": f"/clients/revoke?client={CLIENT}",
    "edit": "/edit",
    "scopes, new": "/scopes/new",
    "scopes, edit": "/scopes/edit?name=thing:read",
    "token policy": "/token-policy",
    "token policy, edit": "/token-policy/edit",
    "aliases": "/aliases",
    "aliases, new": "/aliases/new",
    "rename": "/rename",
    "activity": "/activity",
    "activity, a week": "/activity?span=week",
    "danger": "/danger",
    "deprecate": "/deprecate",
}
TABS_OF_CLIENT = {
    "": "",
    "access": "/access",
    "access, by last token": "/access?sort=-last_used",
    "access, searched": "/access?q=thing-05",
    "access, pick": "/access/new",
    "access, pick, searched": "/access/new?q=thing-05",
    "access, one": f"/access/{FIRST}",
    "edit": "/edit",
    "credentials": "/credentials",
    "families": "/families",
    "families, filtered": "/families?state=live",
    "activity": "/activity",
    "activity, a week": "/activity?span=week",
    "danger": "/danger",
}
# {robot}, {kid} and {event} stand for what the registry makes.
INSPECTED = {
    "preview, empty": "/admin/preview",
    "preview, a token": "/admin/preview?client_id={robot}",
    "preview, refused, 10,000 permissions": f"/admin/preview?client_id={CLIENT}"
    f"&resource={identifier_of(FIRST + 1)}x",
    "audit": "/admin/audit",
    "audit, searched": "/admin/audit?q=thing-05",
    "audit, filtered": f"/admin/audit?target={identifier_of(FIRST)}",
    "audit, an event": "/admin/audit/{event}",
    "keys": "/admin/keys",
    "keys, one": "/admin/keys/by-id/{kid}",
    "keys, rotation": "/admin/keys/rotation?alg=ES256",
}
INSPECTOR = "/admin/inspector"

Ask = Callable[[], TestResponse]


def test_every_page_of_the_console_is_timed(open_world: OpenWorld):
    addresses = open_world().app.url_map
    adapter = addresses.bind("id.example")

    paths = [path.format(robot="r", kid="k", event=1) for _, path in _list_paths()]
    timed = {adapter.match(path.partition("?")[0])[0] for path in (*paths, *OUTSIDE.values(), INSPECTOR)}

    pages = {rule.endpoint for rule in addresses.iter_rules() if sound_pages.is_page(rule)}
    assert timed == pages - UNTIMED


@pytest.mark.benchmark
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_pages_of_a_large_registry(request, tmp_path: Path, loaded_keys, dialect, report: figures.Report):
    settings = make_settings(fresh_database_url(request, tmp_path, dialect), tmp_path)
    with opened_world(settings, FixedClock(), CountingEntropy(), loaded_keys, tmp_path) as world:
        world.add_audience(ORDERS, "read", signing_alg=SigningAlg.ES256)
        robot = world.add_client("Robot", ORDERS)
        world.look()
        token = world.ask(robot).token
        _fill(world, loaded_keys)
        report.notes.append(
            f"\npages of 10,000 audiences, 10,000 clients, 100,000 permissions and events: {dialect}"
        )
        report.notes.append(HEAD)
        took = [Took.of(name, ask) for name, ask in _list_asked(world, robot, token)]
        report.notes += [each.line for each in took]

    slow = [each for each in took if each.median > MOST_MILLISECONDS]
    slowest = max(took, key=lambda each: each.median)
    report.notes.append(f"slowest: {slowest.name}; {len(slow)} of {len(took)} over {MOST_MILLISECONDS} ms")
    goal = figures.Goal(
        f"console, {dialect}: slowest page, median ms", slowest.median, f"≤ {MOST_MILLISECONDS}", ""
    )
    report.goals.append(goal)


@pytest.mark.benchmark
@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_tokens_of_a_large_registry(request, tmp_path: Path, loaded_keys, dialect, report: figures.Report):
    """The token path is no slower than in a small registry, which is asked in turn with the large one."""
    with ExitStack() as opened:
        worlds = {}
        for size, kind in (("small", "sqlite"), ("large", dialect)):
            folder = tmp_path / size
            folder.mkdir()
            settings = make_settings(fresh_database_url(request, folder, kind), folder)
            opening = opened_world(settings, FixedClock(), CountingEntropy(), loaded_keys, folder)
            worlds[size] = opened.enter_context(opening)
        _fill(worlds["large"], loaded_keys)
        calls = {size: _make_token_call(world, _register(world), ORDERS) for size, world in worlds.items()}
        everything = _make_known(worlds["large"])
        calls["10,000 audiences"] = _make_token_call(worlds["large"], everything, identifier_of(FIRST + 1))
        rounds = [
            {name: in_process.measure(call) for name, call in calls.items()} for _ in range(in_process.ROUNDS)
        ]

    medians = {name: statistics.median(each[name] for each in rounds) for name in calls}
    report.notes += ["", f"POST token ES256, warm, µs of CPU: {dialect}"]
    report.notes += [f"  {name:<30}{microseconds:>8.1f}" for name, microseconds in medians.items()]
    for name in ("large", "10,000 audiences"):
        ratio = medians[name] / medians["small"]
        report.goals.append(
            figures.Goal(f"POST token ES256, {dialect}: {name} ÷ small", ratio, "≤ 1.1", "≤ 1.0")
        )


@pytest.fixture(params=["digits", "letters", "hexadecimal digits"])
def spelling(request, monkeypatch) -> str:
    """Let all audiences share one host, and say in what they differ."""
    monkeypatch.setattr(large_registry, "identifier_of", lambda number: _spell(number, request.param))
    return request.param


@pytest.mark.benchmark
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
            report.notes.append(Took.of(name, ask).line)


@dataclass(frozen=True, slots=True)
class Took:
    """How long a page took, in ms. first: before anything was warm."""

    name: str
    first: float
    median: float
    worst: float

    @classmethod
    def of(cls, name: str, ask: Ask) -> "Took":
        """Ask for a page a few times."""
        took = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            answer = ask()
            took.append((time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200, name
        first, *warm = took
        return cls(name, first, statistics.median(warm), max(warm))

    @property
    def line(self) -> str:
        """The line of the report."""
        return f"{self.name:<50}{self.first:>10.1f}{self.median:>11.1f}{self.worst:>10.1f}"


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


def _register(world: World) -> Credentials:
    world.add_audience(ORDERS, "read", signing_alg=SigningAlg.ES256)
    robot = world.add_client("Robot", ORDERS)
    world.look()
    return robot


def _make_known(world: World) -> Credentials:
    """Return the client that may ask for everything, with a secret that is known."""
    secret = world.parts.entropy.secret()
    hashed = hashing.hash_secret(secret)
    with db.writing(world.parts.engine) as connection:
        connection.execute(
            update(ClientSecretRow).where(ClientSecretRow.id == f"s{FIRST}-0").values(secret_hash=hashed)
        )
        connection.execute(
            update(AudienceRow).where(AudienceRow.id == FIRST + 1).values(signing_alg=SigningAlg.ES256.value)
        )
    return Credentials(CLIENT, secret)


def _make_token_call(world: World, client: Credentials, resource: str) -> Callable[[], object]:
    body = encode({"resource": resource})
    headers = {"Authorization": client.basic, "Content-Type": FORM}
    environ = EnvironBuilder(TOKEN, ISSUER, method="POST", headers=headers, data=body).get_environ()
    return in_process.make_call(world.app, environ, body, b'"access_token"')


def _list_asked(world: World, robot: Credentials, token: str) -> Iterator[tuple[str, Ask]]:
    owner = signed_in.sign_in_as(world, "owner")
    with db.reading(world.parts.engine) as connection:
        event = connection.execute(select(func.max(AuditEventRow.id))).scalar_one()
        kid = connection.execute(select(SigningKeyRow.kid).where(SigningKeyRow.alg == "ES256")).scalar_one()
    for name, path in _list_paths():
        address = path.format(robot=robot.client_id, kid=kid, event=event)
        yield name, lambda address=address: owner.open(address)
    for name, path in OUTSIDE.items():
        yield name, lambda path=path: world.http.open(path, ISSUER)
    form = {"csrf_token": owner.find_token(), "token": token}
    searched = {**form, "q": "thing-0", "after": "25"}
    yield "inspector", lambda: owner.ask("POST", INSPECTOR, data=form)
    yield "inspector, page 2, searched", lambda: owner.ask("POST", INSPECTOR, data=searched)


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
    yield from INSPECTED.items()
