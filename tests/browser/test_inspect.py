"""Inspector, preview, audit and keys in a real browser: sound in every theme and width."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from issuer.model.audit_event import Actor, ActorKind
from issuer.model.jwks_fetch import MAIN_DOCUMENT, FetchKey, FetchSum
from issuer.model.signing_key import KeyPurpose
from issuer.store import audit, db, jwks_fetches, signing_keys
from issuer.store.tables import Base
from tests.browser import sound_pages
from tests.browser.browsing import THEMES, WIDTHS, OpenConsole, Visit, visiting
from tests.conftest import START
from tests.oauth.world import World, load_key
from tests.pages import signed_in
from tests.pages.showroom import HOSTILE, LONG
from tests.pages.signed_in import Member

EVERY_LOOK = pytest.mark.parametrize(("theme", "width"), list(itertools.product(THEMES, WIDTHS)))
ORDERS, BILLING = "https://orders.example", "https://billing.example"
DAY = 24 * 3600


@pytest.fixture(scope="module")
def owner(open_console: OpenConsole) -> Member:
    """Give an owner of a console that is served in this process."""
    world = open_console()
    _furnish(world)
    return signed_in.sign_in_as(world, "owner")


def _furnish(world: World) -> None:
    world.add_audience(ORDERS, "orders:read", "orders:write", service="Orders", extra_claims={"region": "eu"})
    world.add_audience(BILLING, "pay", service="Billing")
    world.add_audience(f"{ORDERS}/v2", "read", service="Orders, the next generation of all of them")
    world.add_audience(LONG, "read", service="Long")
    for number in range(40):
        world.add_audience(f"https://stock-{number:02d}.example", service=f"Stock {number:02d}")
    world.add_client("Night report", ORDERS, BILLING, tenant_id="acme", may_use_offline_access=True)
    world.look()
    key = load_key(KeyPurpose.TOKEN, "ES256").stored
    actor = Actor(ActorKind.TERMINAL, HOSTILE, "request-" + "7" * 40)
    changed = {HOSTILE: [HOSTILE, "x" * 300], "until": START, "scopes": ["a", "b"], "typ": "JWT", "alg": None}
    with db.writing(world.parts.engine) as connection:
        for signs_until, verify_until in ((START - DAY, START + DAY), (START - 9 * DAY, START - DAY)):
            aged = replace(load_key(KeyPurpose.TOKEN, "RS256").stored, created_at=START - 30 * DAY)
            signing_keys.add_key(
                connection, replace(aged, signs_until=signs_until, verify_until=verify_until)
            )
        signing_keys.change_end(connection, _find_signer(connection), None, START + DAY, 90)
        signing_keys.add_key(
            connection, replace(key, signs_from=START + DAY, created_at=START, published_at=START)
        )
        for name, at in (("jose/v6.0.1", START + 60), ("okhttp/4.12.0", START - 60), (LONG[:120], START - 9)):
            fetch = {FetchKey(MAIN_DOCUMENT, name): FetchSum(at, at, 7)}
            jwks_fetches.add_fetches(connection, fetch)
        audit.add_event(
            connection, actor, "audience.changed", "audience", LONG, at=START, before=changed, after=changed
        )


def _find_kids(world: World) -> dict[str, str]:
    with db.reading(world.parts.engine) as connection:
        kids = {key.alg: key.kid for key in signing_keys.list_keys(connection)[::-1]}
    return {"kid": kids["RS256"], "hidden_kid": kids["HS256"]}


def _find_event_id(world: World) -> int:
    events = Base.metadata.tables["audit_event"]
    with db.reading(world.parts.engine) as connection:
        return (
            connection.execute(select(events.c.id).where(events.c.target_kind == "service")).scalars().first()
        )


def _find_signer(connection) -> str:
    return next(key.kid for key in signing_keys.list_keys(connection) if key.alg == "ES256")


@contextmanager
def signed_in_tab(
    browser: Browser, owner: Member, theme: str, width: int, **options: object
) -> Iterator[Visit]:
    """Open a tab in which the owner has signed in."""
    with visiting(browser, theme, width, **options) as visit:
        cookie = {"name": "issuer_session", "value": owner.secret, "url": _url(owner)}
        visit.page.context.add_cookies([cookie])
        yield visit


def _url(owner: Member) -> str:
    return owner.world.parts.settings.url


@pytest.fixture(scope="module")
def token(owner: Member) -> str:
    """Give an access token for Orders."""
    return owner.world.ask(owner.world.clients["Night report"], resource=ORDERS).token


@EVERY_LOOK
def test_every_page_is_sound(browser: Browser, owner: Member, theme: str, width: int):
    client_id = owner.world.clients["Night report"].client_id
    named = {"client": client_id, "event": _find_event_id(owner.world), **_find_kids(owner.world)}
    with signed_in_tab(browser, owner, theme, width) as visit:
        for name, path in sound_pages.INSPECTED.items():
            visit.open(_url(owner) + path.format(**named))
            visit.keep_picture(f"{name}-{theme}-{width}")
            visit.assert_sound()
        visit.open(f"{_url(owner)}/admin/audit/999999", 404)
        visit.keep_picture(f"error-in-shell-{theme}-{width}")
        visit.assert_sound()


@EVERY_LOOK
def test_an_inspected_token_is_sound(browser: Browser, owner: Member, token: str, theme: str, width: int):
    with signed_in_tab(browser, owner, theme, width) as visit:
        visit.open(f"{_url(owner)}/admin/inspector")
        visit.page.get_by_label("Token", exact=True).fill(token)
        visit.page.get_by_role("button", name="Inspect").click()
        visit.page.locator("details.verdict > summary").first.click()
        visit.page.locator("#others > summary").click()
        visit.keep_picture(f"inspected-{theme}-{width}")

        visit.assert_sound()


def test_a_wide_table_in_a_narrow_place_is_scrolled_by_keys(browser: Browser, owner: Member, token: str):
    with signed_in_tab(browser, owner, "light", 960) as visit:
        visit.open(f"{_url(owner)}/admin/inspector")
        visit.page.get_by_label("Token", exact=True).fill(token)
        visit.page.get_by_role("button", name="Inspect").click()
        visit.page.locator("details.verdict > summary").first.click()
        expect(visit.page.get_by_role("group", name="Checks of").first).to_be_visible()

        visit.assert_sound()


def test_the_inspector_works_without_scripts(browser: Browser, owner: Member, token: str):
    with signed_in_tab(browser, owner, "light", 1280, scripts=False) as visit:
        visit.page.goto(f"{_url(owner)}/admin/inspector")
        visit.page.get_by_label("Token", exact=True).fill(token[:-30])
        visit.page.get_by_role("button", name="Inspect").click()

        expect(visit.page.get_by_text("The token is cut off").first).to_be_visible()
        visit.page.get_by_label("Token", exact=True).fill(token)
        visit.page.get_by_role("button", name="Inspect").click()
        visit.page.locator("#others > summary").click()
        visit.page.get_by_role("button", name="Next page").click()

        expect(visit.page.get_by_text("44 of 44")).to_be_visible()
        expect(visit.page.get_by_text("1 service accepts it")).to_be_visible()
        assert token not in visit.page.url


def test_a_key_is_rotated_without_scripts(browser: Browser, owner: Member):
    """Of refresh tokens: the others are slow to make, or wait already."""
    with signed_in_tab(browser, owner, "light", 360, scripts=False) as visit:
        visit.open(f"{_url(owner)}/admin/keys")
        visit.page.get_by_role("link", name="Rotate HS256: refresh tokens").click()
        visit.page.get_by_role("button", name="Publish the next key").click()

        expect(
            visit.page.get_by_text("It waits until every process of this issuer has seen it.")
        ).to_be_visible()
        visit.page.locator("summary", has_text="Sign now…").click()
        visit.page.get_by_role("button", name="Sign now").click()

        expect(visit.page.get_by_text("signs from now on.")).to_be_visible()
        expect(visit.page.get_by_role("button", name="Publish the next key")).to_be_visible()


def test_the_audit_prints_without_the_console_around_it(browser: Browser, owner: Member):
    with signed_in_tab(browser, owner, "dark", 800) as visit:
        visit.open(f"{_url(owner)}/admin/audit?target_kind=permission")
        visit.page.emulate_media(media="print")
        visit.keep_picture("audit-print")

        expect(visit.page.get_by_role("navigation", name="Console")).to_be_hidden()
        expect(visit.page.get_by_role("search")).to_be_hidden()
        expect(visit.page.get_by_text("Only target kind permission.")).to_be_visible()
        background = "getComputedStyle(document.documentElement).backgroundColor"
        assert visit.page.evaluate(background) == "rgb(255, 255, 255)"
