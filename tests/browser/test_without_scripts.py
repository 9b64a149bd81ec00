"""Every change that no other test makes without scripts: each form as it is rendered, filled in and sent.

Registering, permitting, disabling, secrets and rotation are in the story and beside the pages they belong to.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from issuer.model.audience import AudienceState
from issuer.model.client import ClientState
from issuer.model.service import ServiceState
from issuer.model.user import Role, UserState
from issuer.registry import audiences, users
from tests.browser.browsing import OpenConsole, visiting
from tests.pages.client_town import BILLING, ORDERS, Town
from tests.pages.signed_in import PASSWORD, Member, add_user, hash_cheaply, open_session, sign_in_as

STOCK = "https://stock.example"
RENAMED = "https://orders.example/v2"
NEW_PASSWORD = "green kettle over the loud hill"


@pytest.fixture(scope="module")
def town(open_console: OpenConsole) -> Town:
    """Give a town whose every thing is changed by one test, served to browsers."""
    world = open_console()
    hash_cheaply(world.app)
    world.add_audience(ORDERS, "read", "write", service="Orders")
    world.add_audience(BILLING, "pay", service="Billing")
    world.add_audience(STOCK, "count", service="Stock")
    robot = world.add_client("Robot", BILLING, may_use_offline_access=True)
    town = Town(world, sign_in_as(world), robot)
    for number in range(3):
        town.grow(f"family-{number}", 100 * number + 10)
    return town


@dataclass(frozen=True, slots=True)
class Walk:
    """A tab without scripts that goes from form to form."""

    page: Page
    url: str

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.url + path)

    def fill(self, button: str, /, **fields: str) -> None:
        """Fill in the form that a button sends, by the labels' beginnings with _ for spaces, and send it."""
        sending = self.page.get_by_role("button", name=button, exact=True)
        form = self.page.get_by_role("main").locator("form", has=sending)
        for label, text in fields.items():
            form.get_by_label(label.replace("_", " ")).first.fill(text)
        self.press(button)

    def press(self, button: str) -> None:
        """Press a button, the first one of that name."""
        self._find_button(button).first.click()

    def confirm(self, act: str, typed: str = "") -> None:
        """Open what asks before a dangerous act, type what it asks for, and do it."""
        asked = self.page.locator("details.confirm", has=self.page.locator("summary", has_text=act)).first
        asked.locator("summary").click()
        if typed:
            asked.get_by_label("to confirm").fill(typed)
        asked.get_by_role("button", name=act).click()

    def expect_said(self, text: str) -> None:
        """Expect a page that says what was done."""
        expect(self.page.get_by_role("status").first).to_contain_text(text)

    def expect_shown(self, *texts: str) -> None:
        """Expect texts on the page below what it says was done."""
        for text in texts:
            expect(self._find_shown(text)).to_be_visible()

    def expect_gone(self, text: str) -> None:
        """Expect that a text is not on the page below what it says was done."""
        expect(self._find_shown(text)).to_have_count(0)

    @property
    def sessions(self) -> Locator:
        """The rows of the sessions on the page."""
        return self.page.get_by_role("region", name="Sessions").locator("tbody tr")

    def _find_button(self, name: str) -> Locator:
        return self.page.get_by_role("main").get_by_role("button", name=name, exact=True)

    def _find_shown(self, text: str) -> Locator:
        return self.page.locator("main :not([role=status] *)").get_by_text(text, exact=True).first


@contextmanager
def walking(browser: Browser, member: Member) -> Iterator[Walk]:
    """Open a tab without scripts in which somebody has signed in."""
    url = member.world.parts.settings.url
    name, value = member.cookie
    with visiting(browser, scripts=False) as visit:
        visit.page.context.add_cookies([{"name": name, "value": value, "url": url}])
        yield Walk(visit.page, url)


def test_an_audience_is_changed_without_scripts(browser: Browser, town: Town):
    place = f"/admin/audiences/{town.audience_id(ORDERS)}"
    with walking(browser, town.owner) as walk:
        walk.go(f"{place}/edit")
        walk.fill("Save description", Description="Takes orders.")
        walk.expect_said("was changed")
        walk.expect_shown("Takes orders.")

        walk.go(f"{place}/scopes")
        walk.page.get_by_role("link", name="Edit read").click()
        walk.fill("Save description", Description="See all orders.")
        walk.expect_shown("See all orders.")
        walk.confirm("Remove write")
        walk.expect_said("write is gone")
        walk.expect_gone("write")

        walk.go(f"{place}/token-policy/edit")
        walk.fill("Save token policy", Access_token_lives="720", Extra_claims='{"region": "eu"}')
        walk.expect_said("policy was changed")
        walk.expect_shown("12 min audience")

        walk.go(f"{place}/aliases/new")
        walk.page.get_by_label("Dual").check()
        walk.fill("Add alias", Identifier="orders", Until="2027-02-01")
        walk.expect_shown("orders", "Dual", "in 16 days")
        walk.confirm("Remove alias")
        walk.expect_shown("No aliases")

        walk.go(f"{place}/rename")
        walk.fill("Rename audience", Identifier=RENAMED, Until="2027-02-01")
        walk.expect_shown(RENAMED, ORDERS, "in 16 days")

    changed = audiences.find_audience(town.world.registrar, RENAMED)
    assert (changed.description, changed.policy.access_token_seconds) == ("Takes orders.", 720)
    assert [(each.name, each.description) for each in changed.scopes] == [("read", "See all orders.")]


def test_an_audience_and_its_service_are_closed_without_scripts(browser: Browser, town: Town):
    stock = audiences.find_audience(town.world.registrar, STOCK)
    with walking(browser, town.owner) as walk:
        walk.go(f"/admin/audiences/{stock.id}/danger")
        walk.confirm("Give it a key of its own")
        walk.expect_said("has a key of its own")
        walk.confirm("Use the shared keys")
        walk.expect_said("shared keys")
        walk.page.get_by_role("link", name="Deprecate audience").click()
        walk.fill("Deprecate audience", Successor=BILLING)
        walk.expect_shown("Deprecated")
        walk.press("Enable audience")
        walk.expect_shown("Active")
        walk.confirm("Disable audience")
        walk.expect_shown("Disabled")
        walk.press("Enable audience")
        walk.expect_shown("Active")
        walk.confirm("Remove audience", STOCK)
        walk.expect_said("is removed")

        walk.go(f"/admin/services/{stock.service.id}/edit")
        walk.fill("Save changes", Owner="team-stock", Trust_group="retail")
        walk.expect_shown("team-stock", "retail")
        walk.confirm("Disable service")
        walk.expect_shown("Disabled")
        walk.press("Enable service")
        walk.expect_shown("Active")
        walk.confirm("Remove service", "Stock")
        walk.expect_said("is removed")

    removed = audiences.find_audience(town.world.registrar, STOCK)
    assert (removed.state, removed.service.state) == (AudienceState.REMOVED, ServiceState.REMOVED)


def test_a_client_is_changed_without_scripts(browser: Browser, town: Town):
    with walking(browser, town.owner) as walk:
        walk.go(f"{town.page}/edit")
        walk.page.get_by_label("Web app").check()
        walk.fill("Save changes", Name="Night robot", Tenant="acme", Longest_life="300")
        walk.expect_shown("Night robot", "Web app", "acme", "5 min")

        walk.go(f"{town.page}/access/{town.audience_id(BILLING)}")
        walk.press("Make it the default audience")
        walk.expect_said(f"get {BILLING}")
        walk.expect_shown("Default")
        walk.press("No default")
        walk.expect_said("no default audience any more")
        expect(walk.page.get_by_role("button", name="No default")).to_have_count(0)

        walk.go(f"{town.page}/families")
        ended = walk.page.locator(".badge", has_text="Ended by an admin")
        walk.confirm("End family")
        walk.expect_said("is ended")
        expect(ended).to_have_count(1)
        walk.confirm("End all families")
        walk.expect_said("2 families are ended")
        expect(ended).to_have_count(3)

        walk.go(f"{town.page}/danger")
        walk.confirm("Disable client")
        walk.expect_shown("Disabled")
        walk.press("Enable client")
        walk.expect_shown("Active")
        walk.confirm("Remove client", town.robot.client_id)
        walk.expect_said("is removed")
        walk.expect_gone("Night robot")

    assert town.client().state is ClientState.REMOVED


def test_a_user_is_changed_without_scripts(browser: Browser, town: Town):
    victim = add_user(town.world, "victim", Role.ADMIN)
    place = "/admin/users/by-name/victim"
    with walking(browser, town.owner) as walk:
        walk.go(f"{place}/edit")
        walk.page.get_by_label("Auditor").check()
        walk.press("Save")
        walk.expect_said("is changed")
        walk.expect_shown("Auditor")
        walk.go(f"{place}/password")
        walk.fill("Set password", Password=NEW_PASSWORD, Password_again=NEW_PASSWORD)
        walk.expect_said("another password")

        for _ in range(3):
            open_session(town.world, victim)
        walk.go(place)
        expect(walk.sessions).to_have_count(3)
        walk.press("End")
        expect(walk.sessions).to_have_count(2)
        walk.press("End all sessions")
        expect(walk.sessions).to_have_count(0)

        walk.confirm("Disable user")
        walk.expect_shown("Disabled")
        walk.press("Enable user")
        walk.expect_shown("Active")
        walk.confirm("Remove user")
        walk.expect_shown("Removed")

    assert users.find_user(town.world.registrar, "victim").state is UserState.REMOVED


def test_an_account_is_changed_without_scripts(browser: Browser, town: Town):
    member = sign_in_as(town.world, Role.AUDITOR)
    own = users.find_user(town.world.registrar, member.name)
    for _ in range(4):
        open_session(town.world, own)
    with walking(browser, member) as walk:
        walk.go("/admin/account")
        expect(walk.sessions).to_have_count(5)
        walk.press("End")
        expect(walk.sessions).to_have_count(4)
        walk.press("End all other sessions")
        expect(walk.sessions).to_have_count(1)

        open_session(town.world, own)
        walk.page.get_by_role("link", name="Change password").click()
        walk.fill(
            "Change password",
            Password_until_now=PASSWORD,
            New_password=NEW_PASSWORD,
            New_password_again=NEW_PASSWORD,
        )
        walk.expect_said("Your password is changed")
        expect(walk.sessions).to_have_count(1)


def test_keys_are_retired_and_withdrawn_without_scripts(browser: Browser, town: Town):
    """Of refresh tokens: the others are slow to make."""
    with walking(browser, town.owner) as walk:
        keys = walk.page.get_by_role("region", name="HS256: refresh tokens").locator("tbody tr")
        signer = keys.filter(has_text="Active").get_by_role("link")
        walk.go("/admin/keys")
        signer.click()
        walk.confirm("Retire now")
        walk.expect_said("signs no more")
        expect(keys.filter(has_text="Retired")).to_have_count(1)

        kid = signer.inner_text()
        signer.click()
        walk.confirm("Withdraw as stolen", kid[:8])
        walk.expect_said("is withdrawn for good")
        expect(keys.filter(has_text="Compromised")).to_have_count(1)
        expect(keys.filter(has_text="Active")).to_have_count(1)
