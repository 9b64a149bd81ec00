"""Light and dark: rendered by the server, kept in a cookie."""

import pytest

from tests.oauth.world import ISSUER
from tests.pages.conftest import Visitor

THEME = "/admin/theme"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_choice_is_rendered_from_then_on(visitor: Visitor, theme: str):
    answer = visitor.send(THEME, "nobody", theme=theme, next="/admin/showroom/rows?q=x")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/showroom/rows?q=x")
    assert f'<html lang="en" data-theme="{theme}">' in visitor.open("/admin/showroom").text
    assert f'<html lang="en" data-theme="{theme}">' in visitor.open("/nowhere").text


def test_the_cookie_is_for_https_alone_where_browsers_speak_it(visitor: Visitor):
    """Behind a proxy that speaks http to the server."""
    token = visitor.find_token()
    answer = visitor.world.http.open(
        THEME,
        ISSUER,
        method="POST",
        data={"csrf_token": token, "theme": "dark"},
        environ_overrides={"wsgi.url_scheme": "http"},
    )

    (cookie,) = answer.headers.getlist("Set-Cookie")
    assert "; Secure" in cookie
    assert "; HttpOnly" in cookie


def test_the_system_s_own_needs_no_cookie(visitor: Visitor):
    visitor.send(THEME, theme="dark")

    visitor.send(THEME, theme="system")

    assert '<html lang="en">' in visitor.open("/").text


@pytest.mark.parametrize("given", ["dark><script>", "Dark", "x" * 5000, ""])
def test_a_cookie_that_is_none_of_ours_is_not_rendered(visitor: Visitor, given: str):
    answer = visitor.open("/", headers={"Cookie": f"issuer_theme={given}"})

    assert '<html lang="en">' in answer.text


def test_an_unknown_theme_is_refused(visitor: Visitor):
    assert visitor.send(THEME, theme="purple").status_code == 400


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/admin\r\nX: y", ""])
def test_the_way_back_leads_nowhere_else(visitor: Visitor, back: str):
    assert visitor.send(THEME, theme="dark", next=back).headers["Location"] == "/"
