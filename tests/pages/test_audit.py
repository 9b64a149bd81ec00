"""The audit: filtered, page by page, one by one, and as a file."""

import html
import json

import pytest
from sqlalchemy import delete

from issuer.admin import audit
from issuer.model.audit_event import Actor, ActorKind
from issuer.registry import clients
from issuer.store import audit as rows
from issuer.store import db
from issuer.store.tables import AuditEventRow
from tests.conftest import START
from tests.oauth.world import World
from tests.pages import signed_in
from tests.pages.showroom import HOSTILE
from tests.pages.signed_in import Member

PATH = "/admin/audit"
ORDERS = "https://orders.example"


@pytest.fixture
def owner(open_world) -> Member:
    """Give an owner in a world where nothing has happened yet."""
    world: World = open_world()
    with db.writing(world.parts.engine) as connection:
        connection.execute(delete(AuditEventRow))
    return signed_in.sign_in_as(world, "owner")


def add_events(world: World, count: int = 1, **fields: object) -> None:
    """Write events, a second apart."""
    given = {"action": "audience.changed", "target_kind": "audience", "target": ORDERS, **fields}
    actor = given.pop("actor", Actor(ActorKind.USER, "alice", "request-7"))
    before, after = given.pop("before", {"typ": "JWT"}), given.pop("after", {"typ": "at+jwt"})
    at = given.pop("at", START)
    with db.writing(world.parts.engine) as connection:
        for number in range(count):
            rows.add_event(connection, actor, **given, at=at + number, before=before, after=after)


def read(visitor: Member, path: str = PATH) -> str:
    """Return a page, unescaped."""
    answer = visitor.open(path)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def count_rows(text: str) -> int:
    """Return how many events a page shows."""
    return text.count('role="rowheader"')


@pytest.mark.parametrize("path", [PATH, f"{PATH}/1", f"{PATH}/export"])
@pytest.mark.parametrize("role", signed_in.ROLES)
def test_every_role_reads_the_audit(owner: Member, role: str, path: str):
    owner.world.add_audience(ORDERS, service="Shop")
    owned = ("Shop",) if role == "service_owner" else ()

    answer = signed_in.sign_in_as(owner.world, role, owned).open(path)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("path", ["/admin", PATH, f"{PATH}/export"])
def test_a_service_owner_reads_of_the_own_services_alone(owner: Member, path: str):
    owner.world.add_audience(ORDERS, service="Shop")
    owner.world.add_audience("https://billing.example", service="Bank")
    visitor = signed_in.sign_in_as(owner.world, "service_owner", ("Shop",))

    text = read(visitor, path)

    assert ORDERS in text
    assert "https://billing.example" not in text


@pytest.mark.parametrize("path", [PATH, f"{PATH}/1", f"{PATH}/export"])
def test_nobody_reads_it_without_signing_in(owner: Member, path: str):
    assert owner.world.send("GET", path).status == 303


def test_an_empty_audit_says_what_will_stand_there(owner: Member):
    assert "No change yet" in read(owner)


def test_an_event_shows_who_what_and_both_values(owner: Member):
    add_events(owner.world)

    text = read(owner)

    assert count_rows(text) == 1
    for part in ("2027-01-15 08:00:00 UTC", ">alice<", "audience.changed", ORDERS):
        assert part in text
    assert '<del><span class="visually-hidden">before: </span>JWT</del>' in text
    assert '<ins><span class="visually-hidden">after: </span>at+jwt</ins>' in text


def test_an_event_has_an_address_of_its_own(owner: Member):
    add_events(owner.world, after={"typ": "at+jwt", "until": START + 60, "refresh_idle_seconds": 3600})

    text = read(owner, f"{PATH}/1")

    assert "request-7" in text
    assert f"{PATH}?request_id=request-7" in text
    assert "2027-01-15 08:01:00 UTC" in text
    assert ">1 h</td>" in text


@pytest.mark.parametrize("event_id", ["2", "0", str(2**63), "9" * 40])
def test_an_event_that_is_not_there_is_not_found(owner: Member, event_id: str):
    add_events(owner.world)

    assert owner.open(f"{PATH}/{event_id}").status_code == 404


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("actor=alice", 1),
        ("actor=bob", 1),
        ("actor=carol", 0),
        ("actor_kind=terminal", 1),
        ("action=client.added", 1),
        ("target_kind=client", 1),
        (f"target={ORDERS}", 1),
        ("request_id=request-7", 1),
        ("q=ORDERS", 1),
        ("q=client.ad", 1),
        ("since=2027-01-16", 1),
        ("until=2027-01-15", 1),
        ("since=2027-01-15&until=2027-01-16", 2),
        ("since=2027-01-17", 0),
        ("since=2027-01-15T08:00:01Z", 1),
    ],
)
def test_the_filters_leave_what_they_name(owner: Member, query: str, found: int):
    add_events(owner.world)
    add_events(
        owner.world,
        actor=Actor(ActorKind.TERMINAL, "bob"),
        action="client.added",
        target_kind="client",
        target="c-1",
        at=START + 86_400,
    )

    text = read(owner, f"{PATH}?{query}")

    assert count_rows(text) == found
    assert ("No events like that" in text) is (found == 0)


@pytest.mark.parametrize(
    "query",
    [
        "actor_kind=nobody",
        "target_kind=thing",
        "sort=actor",
        "after=forged",
        "unknown=1",
        "actor=a&actor=b",
        "target=%00",
        "q=" + "x" * 256,
        "actor=%E2%80%AEgnp",
    ],
)
def test_what_no_page_of_ours_asks_is_refused(owner: Member, query: str):
    assert owner.open(f"{PATH}?{query}").status_code == 400


@pytest.mark.parametrize("query", ["since=yesterday", "until=2027-02-30", "since=1969-12-31"])
def test_a_day_that_is_none_is_said_and_stays(owner: Member, query: str):
    answer = owner.open(f"{PATH}?{query}")

    assert answer.status_code == 422
    assert "Not a day" in answer.text
    assert f'value="{query.partition("=")[2]}"' in answer.text
    assert owner.open(f"{PATH}/export?{query}").status_code == 422


def test_the_pages_follow_each_other_without_a_gap(owner: Member):
    add_events(owner.world, 60)

    first = read(owner)
    following = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    add_events(owner.world, 5, at=START + 1000)
    second = read(owner, following)

    assert (count_rows(first), count_rows(second)) == (50, 10)
    assert "2027-01-15 08:00:09 UTC" in second
    assert "2027-01-15 08:00:10 UTC" not in second
    assert "60 of 65" in second


def test_a_cursor_of_another_search_is_refused(owner: Member):
    add_events(owner.world, 60)
    following = read(owner).split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]

    assert owner.open(f"{following}&q=orders").status_code == 400


def test_the_export_holds_every_event_that_the_filters_find(owner: Member):
    add_events(owner.world, 700)
    add_events(owner.world, action="client.added")

    answer = owner.open(f"{PATH}/export?action=audience.changed")

    events = [json.loads(line) for line in answer.text.splitlines()]
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="audit.ndjson"'
    assert "Content-Length" not in answer.headers
    assert len(events) == 700
    assert events[0]["at"] == START + 699
    assert (events[0]["before"], events[0]["request_id"]) == ({"typ": "JWT"}, "request-7")


def test_the_export_of_nothing_is_empty(owner: Member):
    answer = owner.open(f"{PATH}/export")

    assert (answer.status_code, answer.data) == (200, b"")


def test_hostile_words_are_harmless(owner: Member):
    add_events(
        owner.world,
        target=HOSTILE,
        actor=Actor(ActorKind.TERMINAL, HOSTILE, HOSTILE),
        after={HOSTILE: [HOSTILE], "long": "x" * 5000},
    )

    for path in (PATH, f"{PATH}/1"):
        assert "<script>alert" not in owner.open(path).text


def test_every_kind_of_target_can_be_chosen(owner: Member):
    world = owner.world
    world.add_service("Shop", trust_group="retail")
    world.add_audience(ORDERS, "read")
    robot = world.add_client("Robot", ORDERS)
    clients.disable_client(world.registrar, robot.client_id)

    with db.reading(world.parts.engine) as connection:
        kinds = {event.target_kind for event in rows.list_events(connection, limit=1000)}

    assert kinds <= set(audit.TARGET_KINDS)
    assert {"service", "audience", "client", "permission"} <= kinds
