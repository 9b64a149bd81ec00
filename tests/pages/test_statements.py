"""A list of the console takes few statements, and as many for sixty rows as for five."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

import pytest
from sqlalchemy import insert, select, update

from issuer.store import db
from issuer.store.tables import AudienceRow, FamilyRow, SigningKeyRow
from tests.benchmarks import large_registry
from tests.conftest import FixedClock
from tests.oauth.world import ON_BOTH_DATABASES, World, watching_statements
from tests.pages.signed_in import Member, sign_in_as

MOST = 14
FEW, MANY = 5, 60
AWHILE_SECONDS = 120
# What is filled stands behind these ids: the few behind the first, the many behind the other; and both
# behind what earlier tests had numbered, for PostgreSQL numbers on.
FIRSTS = {FEW: 1_000_000, MANY: 2_000_000}
COUNTED = "SELECT count(*)"
NEXT = re.compile(r'href="([^"]+)" rel="next"')


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list. path: with {id} for an audience and a client. is_paged: whether sixty rows take two pages."""

    path: str
    sorts: tuple[str, ...] = ()
    is_paged: bool = True


_USED = ("created", "tokens", "last_used", "state")
LISTS = {
    "services": ListPage("/admin/services", ("name", "owner", "state", "created", "audiences", "clients")),
    "audiences": ListPage("/admin/audiences", ("identifier", "service", "owner", "clients", *_USED)),
    "clients": ListPage("/admin/clients", ("name", "client_id", "type", "audiences", *_USED)),
    "users": ListPage("/admin/users", ("name", "role", "last_sign_in"), is_paged=False),
    "audit": ListPage("/admin/audit", ("at",)),
    "keys": ListPage("/admin/keys", is_paged=False),
    "callers of an audience": ListPage(
        "/admin/audiences/{id}/clients", ("name", "client_id", "granted", "last_used")
    ),
    "clients to pick": ListPage("/admin/audiences/{id}/clients/pick", ("name",), is_paged=False),
    "access of a client": ListPage(
        "/admin/clients/client-{id:05d}/access", ("identifier", "service", "granted", "last_used")
    ),
    "audiences to pick": ListPage("/admin/clients/client-{id:05d}/access/new", ("identifier", "service")),
    "families": ListPage("/admin/clients/client-{id:05d}/families", ("created", "rotated", "expires")),
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """Somebody who signed in a while ago, and counts."""

    owner: Member
    clock: FixedClock

    def count(self, method: str, path: str, **more: object) -> tuple[list[str], str]:
        """Return the statements that an answer took, and the answer, a while after the one before."""
        self.clock.step(AWHILE_SECONDS)
        with watching_statements(self.owner.world.parts.engine) as statements:
            answer = self.owner.ask(method, path, **more)
        assert answer.status_code == 200, path
        taken = [one for one in statements if not one.startswith("BEGIN")]
        assert sum("UPDATE web_session" in one for one in taken) == 1
        return taken, answer.text


@pytest.fixture
def world(open_world) -> World:
    return open_world()


@pytest.fixture
def visitor(world: World, clock: FixedClock) -> Visitor:
    return Visitor(sign_in_as(world), clock)


@ON_BOTH_DATABASES
@pytest.mark.parametrize("name", LISTS)
def test_a_list_takes_as_few_statements_for_many_rows_as_for_few(
    world: World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, name: str
):
    """But for one: the rows that are on other pages are counted."""
    taken = {}

    for number in (FEW, MANY):
        fill(world, monkeypatch, number)
        taken[number] = [list(page) for page in open_pages(visitor, LISTS[name], number)]

    longest = max((page for pages in taken.values() for page in pages), key=len)
    uncounted = {len(without_count(page)) for pages in taken.values() for page in pages}
    assert len(longest) <= MOST, longest
    assert len(uncounted) == 1, uncounted


@ON_BOTH_DATABASES
def test_the_services_that_would_take_a_token_take_as_few(
    world: World, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
):
    world.add_audience("https://orders.example", "read")
    robot = world.add_client("Robot", "https://orders.example")
    csrf_token = visitor.owner.find_token()
    taken: list[tuple[list[str], str]] = []

    for number in (FEW, MANY):
        fill(world, monkeypatch, number)
        world.add_service(f"Noticed {number}")
        world.look()
        form = {"csrf_token": csrf_token, "token": world.ask(robot).token}
        pages = (form, *({**form, "after": after} for after in ("0", "25")))
        taken += [visitor.count("POST", "/admin/inspector", data=page) for page in pages]

    assert re.search(r"26\u201350 of \d\d<", taken[-1][1])
    numbers = [len(statements) for statements, _ in taken]
    # After a change of the registry one statement more reads all spellings, which are kept.
    assert max(numbers) <= MOST + 1
    assert max(numbers) - min(numbers) <= 1


def open_pages(visitor: Visitor, shown: ListPage, number: int) -> Iterator[list[str]]:
    """Yield the statements of each first page of a list, and of the page after it."""
    path = shown.path.format(id=FIRSTS[number])
    # Once is enough: by what a list is sorted makes other statements, not more of them, on both databases.
    sorts = shown.sorts if visitor.owner.world.parts.engine.dialect.name == "sqlite" else ()
    for order in ("", *(f"?sort=-{sort}" for sort in sorts)):
        taken, text = visitor.count("GET", path + order)
        yield taken
        following = NEXT.search(text)
        assert bool(following) == (shown.is_paged and number == MANY)
        if following:
            yield visitor.count("GET", unescape(following[1]))[0]


def without_count(statements: list[str]) -> list[str]:
    """Return statements but the one that counts the rows of all pages."""
    return [one for one in statements if not one.startswith(COUNTED)]


def fill(world: World, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Add so many of everything; the first client has it all, and the first audience is everybody's."""
    first = FIRSTS[number]
    monkeypatch.setattr(large_registry, "FIRST", first)
    for name in ("SERVICES", "AUDIENCES", "CLIENTS", "FAMILIES", "EVENTS", "REFUSALS", "USERS"):
        monkeypatch.setattr(large_registry, name, number)
    monkeypatch.setattr(large_registry, "USAGE_HOURS", 2)
    monkeypatch.setattr(large_registry, "USAGE_EACH_HOUR", FEW)
    filled = AudienceRow.id.between(first, first + number - 2)
    with db.writing(world.parts.engine) as connection:
        key = connection.execute(select(SigningKeyRow.__table__)).mappings().first()
        large_registry.fill_beside(connection, key["kid"])
        connection.execute(update(FamilyRow).where(FamilyRow.client_key >= first).values(client_key=first))
        connection.execute(
            update(AudienceRow).where(filled).values(state="deprecated", successor_id=AudienceRow.id + 1)
        )
        # Nothing needs them any more: they are listed, and not opened.
        past = {**key, "signs_until": 1, "verify_until": 1}
        own = [{**past, "kid": f"{first}-{n}", "audience_id": first + n} for n in range(number)]
        connection.execute(insert(SigningKeyRow), own)
