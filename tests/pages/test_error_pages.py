"""Pages of errors: what happened, what to do, the request's id; nothing of the fault."""

import json
import re
from unittest import mock

import pytest

from issuer.errors import TemporarilyUnavailable
from issuer.model.user import Role
from issuer.registry import web_sessions
from tests.pages import signed_in
from tests.pages.conftest import Visitor

# Where each line of the rail leads.
_RAIL = re.compile(r'<li><a href="([^"]+)"[^>]*><svg')


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("400", 400, "cannot be answered"),
        ("403", 403, "may not see this"),
        ("404", 404, "Page not found"),
        ("405", 405, "does not work that way"),
        ("413", 413, "too large"),
        ("422", 422, "not accepted"),
        ("429", 429, "Too many attempts"),
        ("401", 401, "cannot be answered"),
        ("client", 401, "Client authentication failed"),
        ("500", 500, "failed on our side"),
        ("503", 503, "Not just now"),
        ("locked", 403, "The audience access belongs to the issuer"),
        ("conflict", 409, "The name is taken"),
        ("away", 503, "cannot reach its database"),
        ("busy", 503, "checking as many passwords as it can"),
        ("often", 429, "Retry-After"),
    ],
)
def test_a_refusal_is_a_page_with_the_request_id(visitor: Visitor, how: str, status: int, says: str):
    answer = visitor.open(f"/admin/showroom/refused/{how}", headers={"X-Request-ID": "seen-by-me"})

    assert answer.status_code == status
    assert says in answer.text
    assert "seen-by-me" in answer.text
    assert (answer.headers["X-Request-ID"], answer.headers["Cache-Control"]) == ("seen-by-me", "no-store")


@pytest.mark.parametrize(("how", "seconds"), [("away", "1"), ("busy", "1"), ("often", "30")])
def test_who_has_to_wait_is_told_how_long(visitor: Visitor, how: str, seconds: str):
    assert visitor.open(f"/admin/showroom/refused/{how}").headers["Retry-After"] == seconds


def test_a_fault_is_a_page_and_one_line_of_the_log(visitor: Visitor):
    answer = visitor.open("/admin/showroom/fault")

    assert answer.status_code == 500
    assert answer.headers["X-Request-ID"] in answer.text
    assert "hunter2" not in answer.text
    (line,) = visitor.world.lines()
    assert (line["event"], line["request_id"]) == ("request.failed", answer.headers["X-Request-ID"])
    assert "hunter2" not in json.dumps(line)


def test_a_method_that_an_address_does_not_take_is_a_page(visitor: Visitor):
    answer = visitor.ask("DELETE", "/")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert "does not work that way" in answer.text


def test_a_stale_edit_shows_both_versions(visitor: Visitor):
    answer = visitor.open("/admin/showroom/stale")

    assert answer.status_code == 409
    assert all(
        text in answer.text
        for text in ("This was changed after you had opened it", "10 min", "15 min", "&lt;script&gt;")
    )
    assert answer.text.count("(differs)") == 2
    assert 'href="/admin/showroom/form">Edit what is there now' in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_while_the_database_is_away_a_page_of_the_console_says_so(open_world):
    """The shell asks who is signed in, too: it made the page of the refusal fail as well."""
    owner = signed_in.sign_in_as(open_world(), "owner")
    away = TemporarilyUnavailable("the pool is empty")

    with mock.patch.object(web_sessions, "find_signed_in", side_effect=away):
        answer = owner.open("/admin/keys")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "cannot reach its database" in answer.text


def test_nobody_is_told_that_tokens_are_issued_however_long_the_database_is_away(visitor: Visitor):
    """After ISSUER_REGISTRY_STALE_SECONDS none are."""
    page = visitor.open("/admin/showroom/refused/away").text

    assert "are still being issued" not in page
    for said in (
        "as ISSUER_REGISTRY_STALE_SECONDS says",
        "told to come again",
        "/readyz and at the database",
    ):
        assert said in page


def test_who_is_signed_in_keeps_the_rail_on_the_page_of_an_error(open_world):
    owner = signed_in.sign_in_as(open_world(), "owner")

    refused, unknown = owner.open("/admin/audit?sort=x"), owner.open("/admin/audit/999")

    assert (refused.status_code, unknown.status_code) == (400, 404)
    assert all('aria-label="Console"' in answer.text for answer in (refused, unknown))


@pytest.mark.parametrize("url", ["https://id.example", "https://id.example/auth"])
@pytest.mark.parametrize("role", signed_in.ROLES)
def test_who_is_signed_in_keeps_the_rail_where_the_console_has_no_page(open_world, role: Role, url: str):
    world = open_world(url=url)
    member, base = signed_in.sign_in_as(world, role), url.removeprefix("https://id.example")

    lost, there = member.open(f"{base}/admin/nowhere"), member.open(f"{base}/admin")
    wrong = member.ask("DELETE", f"{base}/admin/keys")

    assert (lost.status_code, there.status_code, wrong.status_code) == (404, 200, 405)
    assert len(_RAIL.findall(there.text)) > 1
    for answer in (lost, wrong):
        assert _RAIL.findall(answer.text) == _RAIL.findall(there.text)
        assert f"<strong>{member.name}</strong>" in answer.text


def test_no_rail_stands_where_the_console_is_not(open_world):
    owner = signed_in.sign_in_as(open_world())

    for path in ("/nowhere", "/adminx", "/admin;x/keys"):
        assert 'aria-label="Console"' not in owner.open(path).text


def test_who_is_not_signed_in_gets_the_same_page_of_every_unknown_address(open_world):
    """Also with a cookie that opens nothing: the page does not tell the console from anywhere else."""
    world = open_world()
    guest = signed_in.sign_in_as(world)
    guest.http.set_cookie("__Host-issuer_session", "forged", domain="id.example")

    pages = [guest.open(path, headers={"X-Request-ID": "one"}) for path in ("/admin/nowhere", "/nowhere")]

    assert [answer.status_code for answer in pages] == [404, 404]
    assert pages[0].text == pages[1].text
    assert "Set-Cookie" not in pages[0].headers


def test_an_unknown_address_is_answered_while_the_database_is_away(open_world):
    owner = signed_in.sign_in_as(open_world())
    away = TemporarilyUnavailable("the pool is empty")

    with mock.patch.object(web_sessions, "find_signed_in", side_effect=away):
        answer = owner.open("/admin/nowhere")

    assert answer.status_code == 404
    assert 'aria-label="Console"' not in answer.text


def test_who_is_not_signed_in_sees_no_rail_on_the_page_of_an_error(visitor: Visitor):
    assert 'aria-label="Console"' not in visitor.open("/nowhere", who="nobody").text
    assert 'aria-label="Console"' not in visitor.ask("POST", "/admin/theme", who="nobody").text
