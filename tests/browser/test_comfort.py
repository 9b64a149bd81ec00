"""What scripts add, and that nothing is missing without them."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.browsing import visiting
from tests.pages import showroom

CONSEQUENCE = "14 clients lose it at once; the last live token dies at 14:32 UTC."
_PAINT = "getComputedStyle(document.body.parentElement).backgroundColor"


def test_a_copy_button_copies_and_says_so(browser: Browser, showroom_url: str):
    with visiting(browser, permissions=["clipboard-read", "clipboard-write"]) as visit:
        visit.open(showroom_url)

        visit.page.get_by_role("button", name="Copy identifier").first.click()

        expect(visit.page.locator("#told")).to_have_text("Copied")
        assert visit.page.evaluate("navigator.clipboard.readText()") == "https://orders.example"
        visit.assert_sound()


def test_without_scripts_no_button_stands_there_that_does_nothing(browser: Browser, showroom_url: str):
    with visiting(browser, scripts=False) as visit:
        visit.open(showroom_url)

        assert visit.page.locator("[data-copy]:visible").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_danger_is_confirmed_in_a_dialog_that_gives_the_focus_back(
    browser: Browser, showroom_url: str, theme: str
):
    with visiting(browser, theme, 360) as visit:
        visit.open(showroom_url)
        opener = visit.page.locator("summary", has_text="Disable audience")
        opener.focus()
        visit.page.keyboard.press("Enter")
        dialog = visit.page.get_by_role("dialog", name="Disable audience?")
        expect(dialog).to_contain_text(CONSEQUENCE)
        visit.keep_picture(f"dialog-{theme}-360")
        visit.assert_sound()

        visit.page.keyboard.press("Escape")

        expect(dialog).to_have_count(0)
        expect(opener).to_be_focused()


def test_a_dialog_can_be_cancelled_and_opened_again(browser: Browser, showroom_url: str):
    with visiting(browser) as visit:
        visit.open(showroom_url)
        opener = visit.page.locator("summary", has_text="Revoke all families")

        for _ in range(2):
            opener.click()
            visit.page.get_by_role("button", name="Cancel").click()

        expect(visit.page.get_by_role("dialog")).to_have_count(0)
        expect(opener).to_be_focused()


def test_without_scripts_a_danger_is_confirmed_where_it_stands(browser: Browser, showroom_url: str):
    with visiting(browser, scripts=False) as visit:
        visit.open(showroom_url)
        visit.page.locator("summary", has_text="Revoke all families").click()
        expect(visit.page.get_by_text("3,210 families end")).to_be_visible()

        visit.page.get_by_role("button", name="Revoke all families").click()

        expect(visit.page.get_by_role("alert")).to_contain_text("not accepted")


def test_the_theme_changes_at_once_and_stays(browser: Browser, showroom_url: str):
    with visiting(browser, "light") as visit:
        visit.open(showroom_url)
        before = visit.page.evaluate(_PAINT)

        visit.page.get_by_role("button", name="Dark theme").click()

        expect(visit.page.get_by_role("button", name="Dark theme")).to_have_attribute("aria-pressed", "true")
        assert visit.page.evaluate(_PAINT) == "rgb(15, 19, 24)" != before
        visit.page.reload()
        assert visit.page.evaluate(_PAINT) == "rgb(15, 19, 24)"
        visit.assert_sound()


def test_without_scripts_the_theme_changes_too(browser: Browser, showroom_url: str):
    with visiting(browser, "light", scripts=False) as visit:
        visit.open(f"{showroom_url}/rows?rows=1")

        visit.page.get_by_role("button", name="Dark theme").click()

        expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
        expect(visit.page).to_have_url(re.compile(r"/rows\?rows=1$"))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_refused_form_takes_the_focus_to_what_was_wrong(browser: Browser, showroom_url: str, theme: str):
    with visiting(browser, theme, 360) as visit:
        visit.open(f"{showroom_url}/form")
        visit.page.get_by_label("Identifier").fill("taken")

        visit.page.get_by_role("button", name="Register audience").click()

        expect(visit.page.get_by_role("alert")).to_be_focused()
        expect(visit.page.get_by_label("Identifier")).to_have_value("taken")
        visit.keep_picture(f"refused-{theme}-360")
        visit.assert_sound()


def test_a_fragment_is_asked_for_with_the_token_and_swapped_in(browser: Browser, showroom_url: str):
    with visiting(browser) as visit:
        visit.open(f"{showroom_url}/form")
        visit.page.get_by_label("Name").fill(showroom.HOSTILE)

        visit.page.get_by_role("button", name="Tell").click()

        expect(visit.page.locator("#heard")).to_contain_text(f"Heard: {showroom.HOSTILE}")
        expect(visit.page.locator("#heard [data-copy]")).to_be_visible()
        visit.assert_sound()


def test_the_menu_opens_and_closes_by_keyboard(browser: Browser, showroom_url: str):
    with visiting(browser) as visit:
        visit.open(showroom_url)
        opener = visit.page.locator(".menu > summary")
        opener.focus()
        visit.page.keyboard.press("Enter")
        expect(visit.page.get_by_role("link", name="My account")).to_be_visible()
        visit.assert_sound()

        visit.page.keyboard.press("Escape")

        expect(visit.page.get_by_role("link", name="My account")).to_be_hidden()
        expect(opener).to_be_focused()


def test_the_first_key_leads_past_the_rail(browser: Browser, showroom_url: str):
    with visiting(browser) as visit:
        visit.open(showroom_url)
        visit.page.keyboard.press("Tab")
        expect(visit.page.get_by_role("link", name="Skip to content")).to_be_focused()

        visit.page.keyboard.press("Enter")

        expect(visit.page.locator("main")).to_be_focused()


SPOILS = {
    "axe": "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"/static/x\">')",
    "width": "document.querySelector('main').style.width = '2000px'",
    "policy": "document.body.setAttribute('onclick', 'void 0'); document.body.click()",
    "console": "console.error('wrong')",
    "script": "setTimeout(() => { throw new Error('wrong') }, 0)",
}


@pytest.mark.parametrize("how", SPOILS)
def test_a_page_that_is_not_sound_is_found_out(browser: Browser, showroom_url: str, how: str):
    """What `assert_sound` is worth."""
    with visiting(browser, width=360) as visit:
        visit.open(f"{showroom_url}/rows?rows=0")
        visit.page.evaluate(f"() => {{ {SPOILS[how]} }}")
        visit.page.wait_for_timeout(50)

        with pytest.raises(AssertionError):
            visit.assert_sound()
