"""Every list with a thousand rows, in a real browser."""

from unittest import mock

import pytest
from playwright.sync_api import Browser, expect

from issuer.model.signing_key import KeyPurpose
from issuer.store import db
from tests.benchmarks import large_registry
from tests.benchmarks.large_registry import FIRST
from tests.browser.browsing import OpenConsole, visiting
from tests.pages.signed_in import Member, sign_in_as

CLIENT = f"/admin/clients/client-{FIRST:05d}"
# How each begins to count: with what is the issuer's own there are more rows than a list counts.
LISTS = {
    "/admin/services": "1\u201350",
    "/admin/audiences": "1\u201350",
    "/admin/clients": "1\u201350 of 1,000",
    f"/admin/audiences/{FIRST}/clients": "1\u201350 of 1,000",
    f"/admin/audiences/{FIRST}/clients/pick": "There are more: search by name or client id.",
    f"{CLIENT}/access": "1\u201350 of 1,000",
    f"{CLIENT}/access/new": "1\u201350",
    f"{CLIENT}/families": "1\u201350",
    "/admin/audit": "1\u201350",
    "/admin/users": "1,001 users, without removed ones",
}


@pytest.fixture(scope="module")
def owner(open_console: OpenConsole, loaded_keys: object) -> Member:
    """Give an owner of a console with a thousand of everything, served to browsers."""
    names = ("SERVICES", "AUDIENCES", "CLIENTS", "EVENTS", "REFUSALS", "USERS", "USAGE_EACH_HOUR")
    sizes = {**dict.fromkeys(names, 1_000), "FAMILIES": 10_000, "USAGE_HOURS": 3}
    kid = next(key.stored.kid for key in loaded_keys if key.stored.purpose is KeyPurpose.REFRESH)
    world = open_console()
    with mock.patch.multiple(large_registry, **sizes), db.writing(world.parts.engine) as connection:
        large_registry.fill_beside(connection, kid)
    world.look()
    return sign_in_as(world, name="alice")


@pytest.mark.parametrize("path", LISTS)
def test_a_list_with_a_thousand_rows_is_sound(browser: Browser, owner: Member, path: str):
    url = owner.world.parts.settings.url
    name, value = owner.cookie
    with visiting(browser) as visit:
        visit.page.context.add_cookies([{"name": name, "value": value, "url": url}])
        visit.open(url + path)
        visit.keep_picture(f"thousand-{path.replace('/', '-')}")

        expect(visit.page.get_by_role("main").get_by_text(LISTS[path], exact=True)).to_be_visible()
        visit.assert_sound()
