"""The pictures of the README.

To make them anew: TEST_PICTURES=.github/pictures .venv/bin/pytest tests/browser/test_pictures.py
"""

import itertools
from collections.abc import Callable
from typing import Final

import pytest
from playwright.sync_api import Browser, Page, expect

from issuer.model.audience import Scope
from issuer.model.usage import UsageKey, UsageSum
from issuer.registry import audiences
from issuer.registry.audiences import AudienceChange
from issuer.store import db, usage
from tests.architecture.sources import ROOT
from tests.browser.browsing import THEMES, OpenConsole, visiting
from tests.conftest import START
from tests.oauth.world import World
from tests.pages.signed_in import Member, sign_in_as

FOLDER: Final = ROOT / ".github" / "pictures"
LARGEST_BYTES: Final = 60_000
HEIGHT: Final = 380

ORDERS, BILLING, STOCK = (f"https://{name}.example.com" for name in ("orders", "billing", "stock"))
_SCOPES: Final = {
    ORDERS: {"orders:read": "See all orders", "orders:write": "Take and change orders"},
    BILLING: {"invoices:read": "See invoices", "invoices:pay": "Pay them"},
    STOCK: {"stock:read": "See what is there"},
}
_DESCRIPTIONS: Final = {
    ORDERS: "Takes orders, changes them and tells of them.",
    BILLING: "Writes invoices and pays them.",
    STOCK: "Knows what lies in the warehouse.",
}
_HOUR = 3600


@pytest.fixture(scope="module")
def owner(open_console: OpenConsole) -> Member:
    """Give the owner of a small company's console, served to browsers."""
    world = open_console()
    _furnish(world)
    return sign_in_as(world, name="alice")


def _furnish(world: World) -> None:
    for identifier, scopes in _SCOPES.items():
        world.add_audience(identifier, service=identifier[8:].partition(".")[0].capitalize())
        named = tuple(Scope(name, description) for name, description in scopes.items())
        change = AudienceChange(add_scopes=named, description=_DESCRIPTIONS[identifier])
        audiences.change_audience(world.registrar, identifier, change)
    world.add_client("Web shop", ORDERS, BILLING, default=ORDERS)
    world.add_client("Night report", ORDERS, STOCK)
    world.add_client("Warehouse", STOCK)
    world.look()
    with db.writing(world.parts.engine) as connection:
        for hour in range(24):
            at = START - hour * _HOUR
            count = 40 + 60 * (hour % 12 > 3) + 7 * (hour * hour % 13)
            audience = audiences.find_audience(world.registrar, ORDERS)
            used = UsageKey(at - at % _HOUR, 1, audience.id, "client_credentials", "issued")
            usage.add_counts(connection, {used: UsageSum(count, at, at + 900)})


def _show_audience(page: Page, owner: Member, url: str) -> str:
    audience = audiences.find_audience(owner.world.registrar, ORDERS)
    page.goto(f"{url}/audiences/{audience.id}")
    return "main"


def _show_preview(page: Page, owner: Member, url: str) -> str:
    client = owner.world.clients["Web shop"].client_id
    page.goto(f"{url}/preview?client_id={client}&resource={BILLING}&scope=invoices:read")
    return "main .columns"


def _show_verdict(page: Page, owner: Member, url: str) -> str:
    token = owner.world.ask(owner.world.clients["Web shop"], resource=BILLING).token
    page.goto(f"{url}/inspector")
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Inspect").click()
    expect(page.get_by_role("heading", name="1 service accepts it")).to_be_visible()
    page.get_by_label("Find a service").fill("orders")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#others .verdict")).to_have_count(1)
    return "main .columns"


# Each opens a page and returns the part of it that is shown.
SHOWN: Final[dict[str, Callable[[Page, Member, str], str]]] = {
    "audience": _show_audience,
    "inspector": _show_verdict,
    "preview": _show_preview,
}


@pytest.mark.parametrize(("name", "theme"), list(itertools.product(SHOWN, THEMES)))
def test_what_the_readme_shows_is_a_page(browser: Browser, owner: Member, name: str, theme: str):
    url = owner.world.parts.settings.url
    with visiting(browser, theme) as visit:
        cookie, value = owner.cookie
        visit.page.context.add_cookies([{"name": cookie, "value": value, "url": url}])

        part = visit.page.locator(SHOWN[name](visit.page, owner, f"{url}/admin"))

        expect(part).to_be_visible()
        across, top = visit.page.locator("main").bounding_box(), part.bounding_box()["y"]
        visit.keep_picture(f"{name}-{theme}", {**across, "y": max(across["y"], top - 16), "height": HEIGHT})
        visit.assert_sound()


def test_the_readme_shows_each_picture_and_none_is_large():
    readme = (ROOT / "README.md").read_text()
    expected = {f"{name}-{theme}.png" for name, theme in itertools.product(SHOWN, THEMES)}

    assert {path.name for path in FOLDER.iterdir()} == expected
    assert all(f".github/pictures/{name}" in readme for name in expected)
    assert max(path.stat().st_size for path in FOLDER.iterdir()) <= LARGEST_BYTES
