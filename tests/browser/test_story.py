"""The console's story, from the set-up link to a disabled audience, as an owner goes it.

Once by mouse, once by keyboard alone, once by mouse without scripts.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.browsing import Visit, visiting
from tests.browser.hands import Hands, Keyboard, Mouse
from tests.flows import servers
from tests.pages.signed_in import PASSWORD

ORDERS, BILLING = "https://orders.example", "https://billing.example"
# A change takes a second, which tests/flows/test_registry_change.py holds where nothing else runs. Here it
# need only come: a browser and other tests keep this machine busy.
BUSY_SECONDS = 5


@dataclass(slots=True)
class Story:
    """A browser before a server that was just started. url: of the console's front page."""

    visit: Visit
    hands: Hands
    url: str
    link: str
    has_scripts: bool

    @property
    def page(self) -> Page:
        """The only tab."""
        return self.visit.page

    def tell(self) -> None:
        """Live through it."""
        self.become_the_owner()
        self.register_orders()
        self.register_billing()
        line = self.register_the_robot()
        token = get_token(line)
        self.take_the_permission_back()
        wait_for_refusal(line)
        self.permit_again()
        get_token(line)
        self.see_why_billing_rejects(token)
        self.disable_orders()
        wait_for_refusal(line)

    def become_the_owner(self) -> None:
        """Use the set-up link."""
        self.visit.open(self.link)
        if not self.has_scripts:
            self.write("Set-up link", self.link)
        self.write("Your name", "alice")
        self.write("Password", PASSWORD)
        self.write("Password again", PASSWORD)
        self.press("Become the owner")
        self.wait_for_heading("Overview")

    def register_orders(self) -> None:
        """Register the first service and its audience with a scope, as the front page leads."""
        self.follow("New service")
        self.wait_for_heading("New service")
        self.write("Name", "Orders")
        self.press("Register service")
        self.wait_for_heading("Orders")
        self.follow("New audience", of=self.page.locator(".page-header"))
        self.wait_for_heading("New audience")
        self.write("Identifier", ORDERS)
        self.hands.press(self.page.locator("summary", has_text="Scopes, lifetimes and more"))
        self.write("Scopes", "orders:read See all orders")
        self.press("Register audience")
        self.wait_for_heading(ORDERS)

    def register_billing(self) -> None:
        """Register the second audience with its service at once; lint leads to its first scope."""
        self.follow("Audiences", of=self.page.locator(".rail"))
        self.wait_for_heading("Audiences")
        self.follow("New audience")
        self.wait_for_heading("New audience")
        self.write("Identifier", BILLING)
        self.write("Name of the new service", "Billing")
        self.press("Register audience")
        self.wait_for_heading(BILLING)
        self.follow("Add a scope", of=self.page.get_by_role("region", name="Findings"))
        expect(self.page.get_by_role("heading", name="Add a scope")).to_be_visible()
        self.write("Name", "invoices:pay")
        self.press("Add scope")
        expect(self.page.get_by_role("rowheader", name="invoices:pay")).to_be_visible()

    def register_the_robot(self) -> str:
        """Register a client that may ask for Orders; return the line for a shell that its page gives."""
        self.follow("Clients", of=self.page.locator(".rail"))
        self.wait_for_heading("Clients")
        self.follow("New client", of=self.page.locator(".page-header"))
        self.wait_for_heading("New client")
        self.write("Name", "Robot")
        self.hands.tick(self.page.get_by_label(ORDERS, exact=True))
        self.hands.tick(self.page.get_by_label("orders:read", exact=True))
        self.press("Register client")
        self.wait_for_heading("Robot is registered")
        line = self.copy_the_line()
        self.follow("Go to the client")
        self.wait_for_heading("Robot")
        return line

    def copy_the_line(self) -> str:
        """Return the line; with scripts, what the copy button put into the clipboard."""
        shown = self.page.get_by_label("curl line", exact=True)
        expect(shown).to_be_visible()
        if not self.has_scripts:
            return shown.inner_text()
        self.press("Copy curl line")
        expect(self.page.locator("#told")).to_have_text("Copied")
        return self.page.evaluate("navigator.clipboard.readText()")

    def take_the_permission_back(self) -> None:
        """Take back what the robot may ask for."""
        self.follow("Access")
        expect(self.page.get_by_role("rowheader", name=ORDERS)).to_be_visible()
        self.follow(ORDERS)
        self.confirm("Revoke permission")
        expect(self.page.get_by_text(f"Robot may no longer ask for {ORDERS}.")).to_be_visible()

    def permit_again(self) -> None:
        """Permit what was taken back."""
        self.follow("Permit an audience", of=self.page.locator(".page-header"))
        self.follow(ORDERS, of=self.page.get_by_role("region", name="Audiences"))
        scopes = self.page.get_by_role("group", name="Scopes", exact=True)
        self.hands.tick(scopes.get_by_label("orders:read", exact=True))
        self.press("Permit audience")
        expect(
            self.page.get_by_text(f"Robot may ask for {ORDERS}, within a second everywhere.")
        ).to_be_visible()

    def see_why_billing_rejects(self, token: str) -> None:
        """Paste the token; the inspector tells what Billing expects and finds instead."""
        self.follow("Inspector")
        self.wait_for_heading("Token inspector")
        self.write("Token", token)
        self.press("Inspect")
        expect(self.page.get_by_role("heading", name="1 service accepts it")).to_be_visible()
        billing = self.page.locator(".verdict", has_text="Billing")
        expect(billing).to_contain_text("Reject")
        self.hands.press(billing.locator("summary"))
        row = billing.get_by_role("row", name=re.compile("^aud"))
        expect(row).to_be_visible()
        expect(row).to_contain_text(BILLING)
        expect(row).to_contain_text(ORDERS)

    def disable_orders(self) -> None:
        """Go from the verdict to the audience, and disable it."""
        orders = self.page.locator(".verdict", has_text="Accept").first
        self.hands.press(orders.locator("summary"))
        self.follow("The audience", of=orders)
        self.wait_for_heading(ORDERS)
        self.follow("Danger zone")
        self.confirm("Disable audience")
        expect(self.page.locator(".page-header").get_by_text("Disabled")).to_be_visible()

    def confirm(self, what: str) -> None:
        """Do something dangerous: open it, then confirm."""
        opener = self.page.locator("summary", has_text=what)
        self.hands.press(opener)
        panel = self.page.locator(".confirm", has=self.page.locator("summary", has_text=what))
        button = panel.get_by_role("button", name=what, exact=True)
        expect(button).to_be_visible()
        self.hands.press(button)

    def write(self, label: str, text: str) -> None:
        """Fill in a field."""
        exactly = re.compile(rf"^{re.escape(label)}( \(optional\))?$")
        self.hands.write(self.page.get_by_role("main").get_by_label(exactly), text)

    def press(self, name: str) -> None:
        """Press a button."""
        self.hands.press(self.page.get_by_role("button", name=name, exact=True))

    def follow(self, name: str, of: Locator | None = None) -> None:
        """Follow a link."""
        self.hands.press((of or self.page).get_by_role("link", name=name, exact=True))

    def wait_for_heading(self, text: str) -> None:
        """Wait for a page."""
        expect(self.page.get_by_role("heading", level=1, name=text, exact=True)).to_be_visible()


def ask(line: str) -> dict:
    """Run a line in a shell as somebody does who has pasted it; return the answer."""
    ran = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, timeout=20, check=True)
    return json.loads(ran.stdout)


def get_token(line: str) -> str:
    """Return the token that a line gets, which may take a second after its client was permitted."""
    servers.wait_until(lambda: "access_token" in ask(line), BUSY_SECONDS, lambda: ask(line))
    return ask(line)["access_token"]


def wait_for_refusal(line: str) -> None:
    """Wait until a line gets no token for its audience any more."""
    servers.wait_until(lambda: ask(line).get("error") == "invalid_target", BUSY_SECONDS, lambda: ask(line))


@contextmanager
def beginning(
    browser: Browser, folder: Path, hands: type[Mouse] | type[Keyboard], *, scripts: bool = True
) -> Iterator[Story]:
    """Start a server and stand before its set-up link."""
    environment = servers.make_environment(folder)
    link_file = Path(environment["ISSUER_DATA_DIR"]) / "setup-link"
    permissions = ["clipboard-read", "clipboard-write"] if scripts else []
    with (
        servers.running(folder, environment) as server,
        visiting(browser, scripts=scripts, permissions=permissions) as visit,
    ):
        link = link_file.read_text("ascii").strip()
        yield Story(visit, hands(visit.page), f"{server.url}/admin", link, scripts)


def test_the_story_by_mouse(browser: Browser, tmp_path: Path):
    with beginning(browser, tmp_path, Mouse) as story:
        story.tell()

        story.visit.assert_sound()


def test_the_story_by_keyboard_alone(browser: Browser, tmp_path: Path):
    with beginning(browser, tmp_path, Keyboard) as story:
        story.tell()

        story.visit.assert_sound()


def test_the_story_without_scripts(browser: Browser, tmp_path: Path):
    with beginning(browser, tmp_path, Mouse, scripts=False) as story:
        story.tell()
