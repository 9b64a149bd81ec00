"""Every page, in light and dark, wide and narrow: sound in a real browser."""

import itertools

import pytest
from playwright.sync_api import Browser

from tests.browser import sound_pages
from tests.browser.browsing import THEMES, WIDTHS, visiting
from tests.flows.servers import Server
from tests.oauth.world import OpenWorld, database_url, open_world

__all__ = ["database_url", "open_world"]

EVERY_LOOK = pytest.mark.parametrize(("theme", "width"), list(itertools.product(THEMES, WIDTHS)))

_LIST_CUT = """selector => [...document.querySelectorAll(selector)]
  .filter(each => each.scrollWidth > each.clientWidth).map(each => each.textContent)"""
SHOWN = {
    "macros": ("", 200),
    "rows": ("/rows", 200),
    "thousand-rows": ("/rows?rows=1000", 200),
    "one-row": ("/rows?rows=1", 200),
    "no-row": ("/rows?rows=0", 200),
    "form": ("/form", 200),
    "stale": ("/stale", 409),
    "refused-400": ("/refused/400", 400),
    "refused-403": ("/refused/403", 403),
    "refused-429": ("/refused/often", 429),
    "fault": ("/fault", 500),
}


@EVERY_LOOK
def test_the_landing_page_is_sound(browser: Browser, server: Server, theme: str, width: int):
    with visiting(browser, theme, width) as visit:
        visit.open(f"{server.url}/")
        visit.keep_picture(f"landing-{theme}-{width}")

        visit.assert_sound()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_landing_page_cuts_no_key_id(browser: Browser, server: Server, width: int):
    with visiting(browser, width=width) as visit:
        visit.open(f"{server.url}/")

        cut = visit.page.evaluate(_LIST_CUT, ".data .identifier code")

        assert cut == []


@EVERY_LOOK
def test_the_page_of_an_unknown_address_is_sound(browser: Browser, server: Server, theme: str, width: int):
    with visiting(browser, theme, width) as visit:
        visit.open(f"{server.url}/nowhere", 404)
        visit.keep_picture(f"error-404-{theme}-{width}")

        visit.assert_sound()


@EVERY_LOOK
@pytest.mark.parametrize("name", SHOWN)
def test_every_page_of_the_showroom_is_sound(
    browser: Browser, showroom_url: str, name: str, theme: str, width: int
):
    path, status = SHOWN[name]
    with visiting(browser, theme, width) as visit:
        visit.open(showroom_url + path, status)
        visit.keep_picture(f"{name}-{theme}-{width}")

        visit.assert_sound()


def test_every_page_of_the_console_is_looked_at(open_world: OpenWorld):
    addresses = open_world().app.url_map

    visited = set(sound_pages.list_visited(addresses))

    assert visited == {rule.endpoint for rule in addresses.iter_rules() if sound_pages.is_page(rule)}
