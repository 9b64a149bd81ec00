"""From the set-up link to a deep link, as the first owner goes; each page on the way sound in every look."""

import itertools
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from issuer.entropy import Entropy
from issuer.model.user import Role, UserState
from issuer.registry import client_secrets, clients, users, web_sessions
from tests.browser import sound_pages
from tests.browser.browsing import THEMES, WIDTHS, OpenConsole, Visit, visiting
from tests.flows import servers
from tests.oauth.world import World
from tests.pages.signed_in import PASSWORD, Member, add_user, hash_cheaply, open_session, sign_in_as

EVERY_LOOK = pytest.mark.parametrize(("theme", "width"), list(itertools.product(THEMES, WIDTHS)))
AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
LONG = "a-person-with-a-very-long-name.who-is-in-charge-of-many-things+console@subsidiary.department.example"


@pytest.fixture(scope="module")
def console(open_console: OpenConsole) -> World:
    """Give a console with people in it, served from this process; `settings.url` is its address."""
    world = open_console(Entropy())
    hash_cheaply(world.app)
    _settle(world)
    return world


def enter(visit: Visit, member: Member) -> str:
    """Let a tab be the browser of a member; return the address of the console."""
    url = member.world.parts.settings.url
    name, value = member.cookie
    visit.page.context.add_cookies([{"name": name, "value": value, "url": url}])
    return f"{url}/admin"


def test_from_the_set_up_link_to_a_deep_link(browser: Browser, tmp_path: Path):
    environment = servers.make_environment(tmp_path)
    with servers.running(tmp_path, environment) as server:
        link_file = Path(environment["ISSUER_DATA_DIR"]) / "setup-link"
        link = link_file.read_text("ascii").strip()
        for theme, width in itertools.product(THEMES, WIDTHS):
            with visiting(browser, theme, width) as visit:
                visit.open(link)
                visit.keep_picture(f"setup-{theme}-{width}")
                visit.assert_sound()
        with visiting(browser) as visit:
            page = visit.page
            visit.open(link)
            expect(page).to_have_url(f"{server.url}/admin/setup")
            expect(page.get_by_label("Set-up link")).to_have_value(link.partition("#")[2])

            _set_up(page, "alice")

            expect(page).to_have_url(f"{server.url}/admin")
            expect(page.get_by_text("You are the owner now, alice.")).to_be_visible()
            visit.assert_sound()
            assert not link_file.exists()
            page.locator(".menu > summary").click()
            page.get_by_role("link", name="My account").click()
            expect(page.get_by_role("heading", name="My account")).to_be_visible()
            page.locator(".menu > summary").click()
            page.locator(".menu").get_by_role("button", name="Sign out").click()
            expect(page.get_by_text("You are signed out.")).to_be_visible()

            page.goto(f"{server.url}/admin/users?q=al&sort=-name")
            page.get_by_label("Name").fill("alice")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()

            expect(page).to_have_url(f"{server.url}/admin/users?q=al&sort=-name")
            expect(page.get_by_role("rowheader", name="alice")).to_be_visible()
            visit.assert_sound()
            visit.open(link, 404)
            expect(page.get_by_text("has been set up")).to_be_visible()


def test_without_scripts_the_link_is_pasted(browser: Browser, tmp_path: Path):
    environment = servers.make_environment(tmp_path)
    with (
        servers.running(tmp_path, environment) as server,
        visiting(browser, width=360, scripts=False) as visit,
    ):
        link = (Path(environment["ISSUER_DATA_DIR"]) / "setup-link").read_text("ascii").strip()
        visit.open(link)
        visit.page.get_by_label("Set-up link").fill(link)

        _set_up(visit.page, "alice")

        expect(visit.page).to_have_url(f"{server.url}/admin")
        visit.page.get_by_role("link", name="Users").click()
        visit.page.get_by_role("link", name="Add a user").click()
        visit.page.get_by_label("Name").fill("bob")
        visit.page.get_by_label("Auditor").check()
        visit.page.get_by_role("button", name="Add user").click()
        expect(visit.page.get_by_text("This password is shown once.")).to_be_visible()


def test_a_button_that_takes_the_password_comes_back_to_its_page(browser: Browser, console: World):
    add_user(console, "victim", Role.ADMIN)
    late = sign_in_as(console, name="late", is_stepped_up=False)
    with visiting(browser, scripts=False) as visit:
        page = visit.page
        address = f"{enter(visit, late)}/users/by-name/victim"
        visit.open(address)
        _disable(page)
        expect(page.get_by_text("Nothing has been changed yet.")).to_be_visible()
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()

        expect(page).to_have_url(address)
        expect(page.get_by_text("Now press the button again.")).to_be_visible()
        _disable(page)

        expect(page.get_by_text("victim is disabled")).to_be_visible()


@EVERY_LOOK
def test_every_page_of_signing_in_is_sound(browser: Browser, console: World, theme: str, width: int):
    url = console.parts.settings.url
    with visiting(browser, theme, width) as visit:
        visit.open(url + sound_pages.SIGN_IN)
        _check(visit, f"sign-in-{theme}-{width}")
        visit.page.get_by_label("Name").fill(LONG)
        visit.page.get_by_label("Password").fill("mistaken")
        visit.page.get_by_role("button", name="Sign in").click()
        expect(visit.page.get_by_text("The name or the password is wrong.")).to_be_visible()
        _check(visit, f"sign-in-refused-{theme}-{width}")


@EVERY_LOOK
def test_every_page_of_users_is_sound(browser: Browser, console: World, theme: str, width: int):
    owner = open_session(console, users.find_user(console.registrar, LONG))
    url = console.parts.settings.url
    with visiting(browser, theme, width) as visit:
        enter(visit, owner)
        for name, path in sound_pages.USERS.items():
            visit.open(url + path.format(long=LONG))
            _check(visit, f"{name}-{theme}-{width}")
        visit.page.get_by_label("Name").fill("al ice")
        visit.page.get_by_role("button", name="Add user").click()
        expect(visit.page.get_by_role("alert")).to_be_visible()
        _check(visit, f"new-user-refused-{theme}-{width}")
        visit.page.get_by_label("Name").fill(f"made-{theme}-{width}")
        visit.page.get_by_role("button", name="Add user").click()
        expect(visit.page.get_by_text("This password is shown once.")).to_be_visible()
        _check(visit, f"made-password-{theme}-{width}")


@EVERY_LOOK
def test_the_first_steps_and_the_last_owner_are_sound(
    browser: Browser, open_console: OpenConsole, theme: str, width: int
):
    world = open_console()
    world.add_service("Shop")
    with visiting(browser, theme, width) as visit:
        member = sign_in_as(world, name="alice")
        admin = enter(visit, member)
        visit.open(admin)
        _check(visit, f"first-steps-{theme}-{width}")
        visit.open(f"{admin}/clients")
        expect(visit.page.get_by_text("No clients yet")).to_be_visible()
        _check(visit, f"clients-empty-{theme}-{width}")
        visit.open(f"{admin}/users/by-name/alice")
        expect(visit.page.get_by_text(re.compile("last active owner"))).to_be_visible()
        _check(visit, f"last-owner-{theme}-{width}")


def _check(visit: Visit, name: str) -> None:
    visit.keep_picture(name)
    visit.assert_sound()


def _set_up(page: Page, name: str) -> None:
    page.get_by_label("Your name").fill(name)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("button", name="Become the owner").click()


def _disable(page: Page) -> None:
    page.locator("summary", has_text="Disable user").click()
    page.get_by_role("button", name="Disable user").click()


def _settle(console: World) -> None:
    for name in ("Shop", "Depot", "A service with quite a long name of several words"):
        console.add_service(name)
    console.add_audience("https://orders.example", "read", "write")
    robot = console.add_client("Robot", "https://orders.example")
    for days in (1, 9):
        running_out = console.add_client(f"A nightly job with quite a long name, number {days}").client_id
        client_secrets.add_secret(console.registrar, running_out, "next", days)
        secrets = clients.find_client(console.registrar, running_out).secrets
        (first,) = [secret for secret in secrets if secret.expires_at is None]
        client_secrets.revoke_secret(console.registrar, running_out, first.id)
    console.look()
    console.ask(robot, resource="https://orders.example")
    console.parts.usage.write_once()
    now = console.parts.clock.now()
    long = add_user(console, LONG, last_sign_in_at=now - 100)
    open_session(console, long, user_agent=AGENT)
    add_user(
        console, "dan", Role.SERVICE_OWNER, ("Shop", "A service with quite a long name of several words")
    )
    add_user(console, "eve", Role.ADMIN, state=UserState.DISABLED, last_sign_in_at=now - 40 * 86400)
    add_user(console, "rem", Role.ADMIN, state=UserState.REMOVED)
    for number in range(20):
        add_user(console, f"auditor-{number}", Role.AUDITOR, last_sign_in_at=now - number * 5000)


def test_a_lockout_counts_down_and_says_when_it_is_over(browser: Browser, console: World):
    add_user(console, "forgetful")
    with visiting(browser) as visit:
        page = visit.page
        page.clock.install()
        visit.open(f"{console.parts.settings.url}/admin/sign-in")
        for _ in range(6):
            page.get_by_label("Name").fill("forgetful")
            page.get_by_label("Password").fill("mistaken")
            with page.expect_navigation():
                page.get_by_role("button", name="Sign in").click()
        waiting = page.get_by_role("timer")
        expect(waiting).to_have_text("Try again in 1 s.")
        visit.keep_picture("locked")
        visit.assert_sound()

        page.clock.run_for(1500)

        expect(waiting).to_have_text("You can try again now.")
        expect(page.locator("#told")).to_have_text("You can try again now.")


@pytest.mark.parametrize(("theme", "width"), list(zip(THEMES, WIDTHS, strict=True)))
def test_what_is_half_typed_when_the_session_ends_is_not_lost(
    browser: Browser, console: World, theme: str, width: int
):
    identifier = f"https://half-typed-{theme}.example"
    member = sign_in_as(console, name=f"half-{theme}")
    with visiting(browser, theme, width) as visit:
        page = visit.page
        admin = enter(visit, member)
        visit.open(f"{admin}/audiences/new")
        page.context.clear_cookies(name=member.cookie[0])
        page.get_by_label("Identifier").fill(identifier)
        expect(page.get_by_text("You are signed out. What you typed is still here")).to_be_visible()
        _check(visit, f"signed-out-fragment-{theme}-{width}")
        with page.expect_popup() as opened:
            page.get_by_role("link", name="Sign in in another tab").click()
        other = opened.value
        other.get_by_label("Name").fill(member.name)
        other.get_by_label("Password").fill(PASSWORD)
        other.get_by_role("button", name="Sign in").click()
        expect(other).to_have_url(admin)

        expect(page).to_have_url(f"{admin}/audiences/new")
        page.get_by_label("Service", exact=True).select_option("Depot")
        expect(page.get_by_text("You have signed in again since this page was opened")).to_be_visible()
        page.get_by_role("button", name="Register audience").click()
        expect(page.get_by_text("Nothing has been changed yet: this is what you typed.")).to_be_visible()
        expect(page.get_by_text(identifier)).to_be_visible()
        _check(visit, f"stale-form-{theme}-{width}")
        page.get_by_role("button", name="Register audience").click()

        expect(page.get_by_role("heading", level=1)).to_have_text(identifier)


@pytest.mark.parametrize(("theme", "width"), list(zip(THEMES, WIDTHS, strict=True)))
def test_a_form_sent_after_its_session_ended_goes_on_after_signing_in(
    browser: Browser, console: World, theme: str, width: int
):
    member = sign_in_as(console, name=f"late-{theme}")
    with visiting(browser, theme, width, scripts=False) as visit:
        page = visit.page
        visit.open(f"{enter(visit, member)}/services/new")
        page.get_by_label("Name").fill(f"Typed late, {theme}")
        web_sessions.end_session(console.registrar, member.session_id)
        page.get_by_role("button", name="Register service").click()
        expect(page.get_by_text("Your session has ended; nothing was saved.")).to_be_visible()
        page.get_by_label("Name").fill(member.name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text(f"Typed late, {theme}")).to_be_visible()

        page.get_by_role("button", name="Register service").click()

        expect(page.get_by_role("heading", level=1)).to_have_text(f"Typed late, {theme}")


@pytest.mark.parametrize(
    ("theme", "width", "scripts"),
    [(*look, True) for look in itertools.product(THEMES, WIDTHS)] + [("light", 360, False)],
)
def test_what_was_typed_goes_on_after_the_password(
    browser: Browser, console: World, theme: str, width: int, scripts: bool
):
    label = f"Typed once, {theme} {width}, scripts {scripts}"
    late = sign_in_as(console, is_stepped_up=False)
    client_id = console.clients["Robot"].client_id
    with visiting(browser, theme, width, scripts=scripts) as visit:
        page = visit.page
        visit.open(f"{enter(visit, late)}/clients/{client_id}/credentials")
        page.get_by_label("Label").fill(label)
        page.get_by_role("button", name="Make secret").click()
        expect(page.get_by_text("what you typed is kept")).to_be_visible()
        if scripts:
            _check(visit, f"kept-{theme}-{width}")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").click()
        expect(page.get_by_text(label)).to_be_visible()
        if scripts:
            _check(visit, f"go-on-{theme}-{width}")

        page.get_by_role("button", name="Make secret").click()

        expect(page.get_by_text("shown this once").first).to_be_visible()
        secrets = clients.find_client(console.registrar, client_id).secrets
        assert [secret.label for secret in secrets].count(label) == 1
