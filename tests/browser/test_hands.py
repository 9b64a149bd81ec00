"""What the keyboard of the story is worth: it finds what a page has, and finds out what is wrong with it."""

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import visiting
from tests.browser.hands import Keyboard

_STYLE = "<style>:focus-visible { outline: 2px solid blue }</style>"
_GOOD = f'{_STYLE}<a href="#x">First</a><p><button onclick="window.pressed = 1">Second</button></p>'
SPOILS = {
    "no ring": "<style>button { outline: none !important }</style>",
    "covered": '<div style="position: fixed; inset: 0"></div>',
    "not seen": "<script>document.querySelector('a').text = ''</script>",
    "out of reach": "<script>document.querySelector('button').tabIndex = -1</script>",
    "upwards": "<style>body { display: flex; flex-direction: column-reverse }</style>",
}


def test_it_presses_what_it_reaches(browser: Browser):
    with visiting(browser) as visit:
        visit.page.set_content(_GOOD)

        Keyboard(visit.page).press(visit.page.get_by_role("button", name="Second"))

        assert visit.page.evaluate("window.pressed") == 1


@pytest.mark.parametrize("how", SPOILS)
def test_a_page_that_keys_do_not_do_is_found_out(browser: Browser, how: str):
    with visiting(browser) as visit:
        visit.page.set_content(_GOOD + SPOILS[how])

        with pytest.raises(AssertionError):
            Keyboard(visit.page).press(visit.page.locator("button"))
