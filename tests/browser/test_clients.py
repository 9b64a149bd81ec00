"""The pages of clients in a real browser: sound in every look, and the writes with and without scripts."""

import itertools
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from issuer.model.client import ClientType
from issuer.model.refusal_note import RefusalNote
from issuer.model.usage import UsageKey, UsageSum
from issuer.registry import client_secrets, clients
from issuer.registry.clients import ClientChange
from issuer.store import db, refusals, usage
from tests.browser import sound_pages
from tests.browser.browsing import THEMES, WIDTHS, OpenConsole, Visit, visiting
from tests.conftest import START
from tests.pages.client_town import BILLING, DAY, ORDERS, Town
from tests.pages.signed_in import sign_in_as

EVERY_LOOK = pytest.mark.parametrize(("theme", "width"), list(itertools.product(THEMES, WIDTHS)))
LONG = "https://" + "a-very-long-name." * 11 + "example/and/a/path"


@pytest.fixture(scope="module")
def town(open_console: OpenConsole) -> Town:
    """Give a town with realistic clients, served to browsers."""
    world = open_console()
    world.add_audience(ORDERS, "orders:read", "orders:write", service="Orders", description="Takes orders.")
    world.add_audience(BILLING, "invoices:read", "invoices:pay", service="Billing")
    world.add_audience(LONG, *(f"a-scope-with-a-rather-long-name-{each}" for each in range(9)))
    world.add_audience("reports", service="Reports")
    robot = world.add_client(
        "Night report of the warehouse", ORDERS, BILLING, LONG, default=ORDERS, tenant_id="acme/eu",
        may_use_offline_access=True, access_token_max_seconds=600, service="Orders",
    )  # fmt: skip
    world.add_client("<script>alert(1)</script> " + "of a name that is long, " * 2 + "yes")
    for name, kind in (
        ("Shop", ClientType.WEB),
        ("Press 4", ClientType.DEVICE),
        ("Agent", ClientType.MCP),
    ):
        world.add_client(name, ORDERS, type=kind)
    clients.disable_client(world.registrar, world.clients["Press 4"].client_id)
    town = Town(world, sign_in_as(world), robot)
    _use(town)
    return town


def _use(town: Town) -> None:
    registrar, client_id = town.world.registrar, town.robot.client_id
    client_secrets.add_secret(registrar, client_id, "warehouse, rack 2", 10)
    secret, _ = client_secrets.add_secret(registrar, client_id, "old laptop", 90)
    client_secrets.revoke_secret(registrar, client_id, secret.id)
    clients.change_client(registrar, client_id, ClientChange(default_audience=ORDERS))
    for number in range(4):
        town.grow(f"Zq3f-family-{number}", 4000 * number + 10)
    town.grow("Zq3f-family-old", 3 * DAY)
    town.note_reuse("Zq3f-family-gone")
    key = town.client().key
    audience_id = town.audience_id(ORDERS)
    with db.writing(town.world.parts.engine) as connection:
        for hour in range(20):
            at = START - hour * 3600
            used = UsageKey(at - at % 3600, key, audience_id, "client_credentials", "issued")
            usage.add_counts(connection, {used: UsageSum(7 + hour * hour % 11, at, at + 600)})
            refused = used._replace(outcome="invalid_scope")
            usage.add_counts(connection, {refused: UsageSum(1, at, 0)})
        note = RefusalNote(
            START - 90, key, (LONG,), "client_credentials", "invalid_target",
            f"{LONG} is not permitted to this client; <script>alert(1)</script>", "request-7", "192.0.2.9", 3,
        )  # fmt: skip
        refusals.add_refusals(connection, [(note, None)], 1)


def _sign_in(visit: Visit, town: Town) -> str:
    """Put the owner's cookie into a browser; return the address of the server."""
    url = town.world.parts.settings.url
    name, value = town.owner.cookie
    visit.page.context.add_cookies([{"name": name, "value": value, "url": url}])
    return url


@EVERY_LOOK
def test_every_page_of_clients_is_sound(browser: Browser, town: Town, theme: str, width: int):
    orders = town.audience_id(ORDERS)
    with visiting(browser, theme, width) as visit:
        url = _sign_in(visit, town)
        for name, path in sound_pages.CLIENTS.items():
            visit.open(url + path.format(page=town.page, orders=orders))
            visit.keep_picture(f"{name}-{theme}-{width}")
            visit.assert_sound()


@EVERY_LOOK
def test_what_is_shown_once_is_sound_and_so_is_sending_its_form_again(
    browser: Browser, town: Town, theme: str, width: int
):
    with visiting(browser, theme, width) as visit:
        page = visit.page
        visit.open(_sign_in(visit, town) + "/admin/clients/new")
        page.get_by_label("Name", exact=True).fill(f"Made in {theme} {width}")
        page.get_by_role("button", name="Register client").click()
        _check_and_send_again(visit, "is registered", f"client-{theme}-{width}")
        page.get_by_role("link", name="Go to the client").click()
        page.get_by_role("link", name="Credentials").click()
        page.get_by_label("Label").fill("next")
        page.get_by_role("button", name="Make secret").click()
        _check_and_send_again(visit, "shown this once", f"secret-{theme}-{width}")


def _check_and_send_again(visit: Visit, said: str, name: str) -> None:
    """Assert that the page after a form is sound, and the one after the same form."""
    expect(visit.page.get_by_text(said).first).to_be_visible()
    visit.keep_picture(f"made-{name}")
    visit.assert_sound()
    answer = visit.page.reload()
    assert answer.status == 409
    expect(visit.page.get_by_text("This form was sent already").first).to_be_visible()
    visit.keep_picture(f"there-{name}")
    visit.assert_sound()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_client_is_registered_its_secret_downloaded_and_another_made(
    browser: Browser, town: Town, scripts: bool
):
    name = f"Made {'with' if scripts else 'without'} scripts"
    theme = "light" if scripts else "dark"
    with visiting(browser, theme, 1280 if scripts else 360, scripts=scripts) as visit:
        page = visit.page
        visit.open(_sign_in(visit, town) + "/admin/clients/new")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_label("Web app").check()
        page.get_by_label("Search audiences").fill("billing")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_label("Name", exact=True)).to_have_value(name)
        page.get_by_label("invoices:read").check()
        page.get_by_role("button", name="Register client").click()

        expect(page.get_by_role("heading", name=f"{name} is registered")).to_be_visible()
        secret = page.locator(".secret code").inner_text()
        visit.keep_picture(f"made-{theme}")
        with page.expect_download() as download:
            page.get_by_role("button", name="Download .env").click()

        assert f"OAUTH_CLIENT_SECRET={secret}\n" in Path(download.value.path()).read_text()
        page.reload()
        expect(page.get_by_role("heading", name="This form was sent already")).to_be_visible()
        made = [one for one in clients.list_clients(town.world.registrar) if one.name == name]
        assert [one.type for one in made] == [ClientType.WEB]
        page.get_by_role("link", name="Go to the client").click()
        page.get_by_role("link", name="Credentials").click()
        page.get_by_label("Label").fill("next")
        page.get_by_role("button", name="Make secret").click()
        expect(page.locator(".secret code")).not_to_have_text(secret)
        visit.keep_picture(f"secret-made-{theme}")
        page.get_by_role("link", name="Done").click()
        revoke = page.locator("summary", has_text="Revoke secret")
        expect(revoke.first).to_be_visible()
        visit.wait_until_whole()
        revoke.last.click()
        expect(page.get_by_text("1 other secret goes on working").last).to_be_visible()
        page.get_by_role("button", name="Revoke secret").click()
        expect(page.get_by_role("status").first).to_contain_text("authenticates nobody any more")
