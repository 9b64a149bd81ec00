"""The pages of services and audiences in a real browser: sound in every look, with and without scripts."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Route, expect

from issuer.model.audience import AliasMode, AudienceId, TokenTyp
from issuer.model.refusal_note import RefusalNote
from issuer.model.usage import UsageKey, UsageSum
from issuer.registry import aliases, audiences, clients
from issuer.registry.clients import ClientChange
from issuer.store import db, refusals, usage
from tests.browser import sound_pages
from tests.browser.browsing import THEMES, WIDTHS, OpenConsole, Visit, visiting
from tests.conftest import START
from tests.oauth.world import World
from tests.pages.signed_in import Member, sign_in_as

DAY = 24 * 3600
# htmx waits for a pause in the typing.
_LONGER_THAN_A_PAUSE = 500
ORDERS = "https://orders.shop.example"
LONG = "https://" + "a-very-long-name." * 11 + "example/and/a/path"


@dataclass(frozen=True, slots=True)
class Town:
    """A world with realistic services, served to browsers. places: of its pages."""

    world: World
    url: str
    member: Member
    places: dict[str, str]


@pytest.fixture(scope="module")
def town(open_console: OpenConsole) -> Town:
    """Give a town with realistic services and audiences."""
    world = open_console()
    url = world.parts.settings.url
    places = _settle(world)
    return Town(world, url, sign_in_as(world), places)


def _settle(world: World) -> dict[str, str]:
    for name in ("Order desk", "Billing", "Warehouse of the northern region"):
        world.add_service(name, "team-shop", "retail")
    world.add_service("Reporting " + "with a long name, " * 4 + "yes", "team-reports")
    orders = world.add_audience(
        ORDERS,
        "orders:read",
        "orders:write",
        "orders:refund",
        service="Order desk",
        description="Takes, changes and cancels orders of the shop.",
        typ=TokenTyp.JWT,
        access_token_seconds=7200,
        extra_claims={"region": "eu"},
    )
    scopes = [f"a-scope-with-a-rather-long-name-{each}" for each in range(9)]
    long = world.add_audience(LONG, *scopes, service="Warehouse of the northern region")
    empty = world.add_audience("reports", service="Billing")
    world.add_audience("https://billing.shop.example", "invoices:read", service="Billing")
    world.add_audience("https://old.shop.example", "read", service="Billing")
    audiences.deprecate_audience(world.registrar, "https://old.shop.example", ORDERS)
    world.add_audience("http://orders.shop.example/", "read", service="Billing")
    audiences.disable_audience(world.registrar, "https://billing.shop.example")
    aliases.add_alias(
        world.registrar, ORDERS, "https://bestellung.shop.example", AliasMode.DUAL, START + 9 * DAY
    )
    aliases.add_alias(world.registrar, ORDERS, "orders", AliasMode.ACCEPT)
    robot = world.add_client("Night report of the warehouse", ORDERS, LONG, "https://old.shop.example")
    world.add_client("Web shop " + "with a long name, " * 4 + "yes", ORDERS)
    clients.change_client(world.registrar, robot.client_id, ClientChange(service="Order desk"))
    _use(world, robot.client_id, orders.id)
    service = orders.service.id
    return {
        "service": f"/admin/services/{service}",
        "orders": f"/admin/audiences/{orders.id}",
        "long": f"/admin/audiences/{long.id}",
        "empty": f"/admin/audiences/{empty.id}",
        "client": robot.client_id,
    }


def _use(world: World, client_id: str, audience_id: int) -> None:
    key = clients.find_client(world.registrar, client_id).key
    with db.writing(world.parts.engine) as connection:
        for hours in range(20):
            at = START - hours * 3600
            counted = UsageKey(at - at % 3600, key, audience_id, "client_credentials", "issued")
            usage.add_counts(connection, {counted: UsageSum(40 + hours * hours % 90, at, at + 900)})
        notes = [
            RefusalNote(
                START - each * 700, key, (ORDERS,), "client_credentials", "invalid_scope",
                f"the scope orders:{each} is not permitted to it", f"{each:032x}", "192.0.2.7", each % 3,
            )
            for each in range(6)
        ]  # fmt: skip
        refusals.add_refusals(connection, [(note, AudienceId(audience_id)) for note in notes], 100)


@contextmanager
def signed_in(
    browser: Browser, town: Town, theme: str = "light", width: int = 1280, *, scripts: bool = True
) -> Iterator[Visit]:
    with visiting(browser, theme, width, scripts=scripts) as visit:
        name, value = town.member.cookie
        visit.page.context.add_cookies([{"name": name, "value": value, "url": town.url}])
        yield visit


@pytest.mark.parametrize(("theme", "width"), list(itertools.product(THEMES, WIDTHS)))
def test_every_page_is_sound(browser: Browser, town: Town, theme: str, width: int):
    with signed_in(browser, town, theme, width) as visit:
        for name, path in sound_pages.SERVICES.items():
            visit.open(town.url + path.format(**town.places))
            visit.keep_picture(f"{name}-{theme}-{width}")
            visit.assert_sound()


def test_on_a_phone_the_rail_shows_that_there_is_more_and_where_one_is(browser: Browser, town: Town):
    with signed_in(browser, town, width=360) as visit:
        links = visit.page.get_by_role("navigation", name="Console").get_by_role("link")
        visit.open(f"{town.url}/admin")
        boxes = [link.bounding_box() for link in links.all()]
        visit.open(f"{town.url}/admin/users")
        current = links.and_(visit.page.locator("[aria-current]")).bounding_box()
        visit.assert_sound()

    cut = [box for box in boxes if box["x"] < 360 < box["x"] + box["width"]]
    assert [20 < 360 - box["x"] < box["width"] - 8 for box in cut] == [True]
    assert boxes[-1]["x"] >= 360
    assert 0 <= current["x"] <= 360 - current["width"]


def test_what_is_typed_is_answered_beside_the_form(browser: Browser, town: Town):
    with signed_in(browser, town) as visit:
        visit.open(f"{town.url}/admin/audiences/new")
        visit.page.get_by_label("Identifier").press_sequentially("http://orders.shop.example:81")
        outlook = visit.page.get_by_label("What a token holds")

        expect(outlook).to_contain_text('"aud": "http://orders.shop.example:81"')
        expect(outlook).to_contain_text("twin-spelling")
        visit.keep_picture("audience-typed-light-1280")
        visit.assert_sound()


def test_what_was_typed_last_is_answered_however_slow_the_first_answer_is(browser: Browser, town: Town):
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    with signed_in(browser, town) as visit:
        page = visit.page
        visit.open(f"{town.url}/admin/audiences/new")
        outlook = page.get_by_label("What a token holds")
        page.route("**/audiences/check", hold_first)
        with page.expect_request("**/audiences/check"):
            page.get_by_label("Identifier").fill("https://first.shop.example")
        for name in ("second", "third"):
            page.get_by_label("Identifier").fill(f"https://{name}.shop.example")
            page.wait_for_timeout(_LONGER_THAN_A_PAUSE)

        expect(outlook).to_contain_text('"aud": "https://third.shop.example"')
        visit.assert_sound()


@pytest.mark.parametrize("status", [400, 503, None])
def test_what_could_not_be_checked_is_said_in_place_of_an_older_verdict(
    browser: Browser, town: Town, status: int | None
):
    """Not a page of an error within the page; status: None for an answer that never comes."""
    page_of_error = "<!doctype html><title>Not just now</title><main><h1>Not just now</h1></main>"
    with signed_in(browser, town) as visit:
        page = visit.page
        visit.open(f"{town.url}/admin/audiences/new")
        outlook = page.get_by_label("What a token holds")
        identifier = page.get_by_label("Identifier")
        identifier.fill("https://first.shop.example")
        expect(outlook).to_contain_text('"aud": "https://first.shop.example"')

        def fail(route: Route) -> None:
            if status is None:
                route.abort()
            else:
                route.fulfill(status=status, content_type="text/html", body=page_of_error)

        page.route("**/audiences/check", fail)
        identifier.fill("https://second.shop.example")

        expect(outlook).to_contain_text("This could not be checked just now.")
        expect(outlook).not_to_contain_text("first")
        expect(outlook.get_by_role("heading", name="Not just now")).to_have_count(0)
        visit.keep_picture(f"audience-unchecked-{status}")
        page.unroute("**/audiences/check")
        identifier.fill("https://third.shop.example")
        expect(outlook).to_contain_text('"aud": "https://third.shop.example"')
        expect(identifier).to_have_value("https://third.shop.example")


@pytest.mark.parametrize("scripts", [True, False])
def test_a_preset_is_chosen_by_its_button_alone_and_keeps_what_was_typed(
    browser: Browser, town: Town, scripts: bool
):
    identifier = f"https://preset-{scripts}.example".lower()
    with signed_in(browser, town, scripts=scripts) as visit:
        page = visit.page
        visit.open(f"{town.url}/admin/audiences/new")
        page.get_by_label("Identifier").fill(identifier)
        page.get_by_label("Service", exact=True).select_option("Billing")

        page.get_by_role("button", name="Public API").click()

        expect(page.get_by_role("button", name="Public API", pressed=True)).to_be_visible()
        expect(page.get_by_label("Identifier")).to_have_value(identifier)
        expect(page.get_by_label("Access token lives")).to_have_value("300")
        page.get_by_label("Identifier").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text(identifier)

    audience = audiences.find_audience(town.world.registrar, identifier)
    assert (audience.service.name, audience.policy.access_token_seconds) == ("Billing", 300)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_service_and_its_audience_are_registered_used_and_disabled(
    browser: Browser, town: Town, scripts: bool
):
    name = f"Story {scripts}"
    identifier = f"https://story-{scripts}.example".lower()
    with signed_in(browser, town, scripts=scripts) as visit:
        page = visit.page
        visit.open(f"{town.url}/admin/audiences/new")
        page.get_by_label("Identifier").fill(identifier)
        page.get_by_label("Name of the new service").fill(name)
        page.get_by_role("button", name="Check").click()
        expect(page.get_by_label("What a token holds")).to_contain_text(identifier)
        page.get_by_role("button", name="Register audience").click()
        expect(page.get_by_role("heading", level=1)).to_have_text(identifier)
        page.get_by_role("link", name="Add a scope").click()
        page.get_by_label("Name").fill("read")
        page.get_by_role("button", name="Add scope").click()
        tabs = page.get_by_role("navigation", name=identifier, exact=True)
        tabs.get_by_role("link", name="Clients").click()
        page.get_by_role("link", name="Permit a client").first.click()
        page.get_by_role("link", name="Choose Night report").click()
        page.get_by_role("checkbox", name="read").first.check()
        page.get_by_role("button", name="Permit client").click()
        expect(page.get_by_role("status").first).to_contain_text("may ask for")
        page.get_by_role("link", name="Danger zone").click()
        page.locator("summary", has_text="Disable audience").click()
        visit.wait_until_whole()
        visit.keep_picture(f"disabling-{scripts}")
        page.get_by_role("button", name="Disable audience", exact=True).last.click()
        expect(page.get_by_role("status").first).to_contain_text("no new tokens")

    assert audiences.find_audience(town.world.registrar, identifier).state.value == "disabled"
