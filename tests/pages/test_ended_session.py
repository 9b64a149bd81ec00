"""A form sent after its session has ended, or the next has begun: nothing typed is lost, or another's."""

import html
import re
from unittest import mock

import pytest
from werkzeug.test import TestResponse

from issuer.errors import TemporarilyUnavailable
from issuer.model.user import Role
from issuer.model.web_session import IDLE_SECONDS
from issuer.registry import services, users, web_sessions
from tests.conftest import FixedClock
from tests.oauth.world import World
from tests.pages.signed_in import PASSWORD, Member, add_user, find_token, sign_in_as

SIGN_IN = "/admin/sign-in"
NEW = "/admin/services/new"
ENDED = "Your session has ended; nothing was saved."
KEPT = "What you typed is kept"
SENT = {"Sec-Fetch-Site": "same-origin"}
HOSTILE = """Shop"'><b>bold</b>"""


@pytest.fixture
def owner(world: World) -> Member:
    """Give an owner."""
    return sign_in_as(world, name="alice")


def send_late(member: Member, clock: FixedClock, path: str = NEW, **typed: object) -> TestResponse:
    """Send a form that was opened before the session ended, from its page."""
    data = {"csrf_token": member.find_token(), **typed}
    clock.step(IDLE_SECONDS + 60)
    return member.ask("POST", path, data=data, headers={"Referer": f"https://id.example{path}?a=b"})


def give(member: Member, page: TestResponse, name: str, password: str = PASSWORD) -> TestResponse:
    """Fill in the form of signing in, with all that it carries, and send it."""
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.text.split("<main")[1])
    data = {key: html.unescape(value) for key, value in fields}
    action = html.unescape(re.search(r'class="form" method="post" action="([^"]*)"', page.text)[1])
    return member.ask("POST", action, data={**data, "name": name, "password": password})


def press(member: Member, page: TestResponse) -> TestResponse:
    """Press the button of the page that goes on."""
    main = page.text.split("<main")[1]
    fields = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', main)
    action = html.unescape(re.search(r'class="form" method="post" action="([^"]*)"', main)[1])
    return member.ask("POST", action, data={key: html.unescape(value) for key, value in fields})


def names_of(world: World) -> list[str]:
    """Return the names of the services that are registered."""
    return [each.name for each in services.list_services(world.registrar)]


def test_what_was_typed_goes_on_after_the_same_user_signs_in(world: World, owner: Member, clock: FixedClock):
    asked = send_late(owner, clock, name=HOSTILE, owner="Shop team")

    assert asked.status_code == 403
    assert ENDED in asked.text
    assert KEPT in asked.text
    shown = give(owner, asked, "alice")
    assert shown.status_code == 200
    assert HOSTILE in html.unescape(shown.text.split("<dl")[1])
    assert "<b>bold" not in asked.text + shown.text
    assert HOSTILE not in names_of(world)
    done = press(owner, shown)
    assert done.status_code == 303
    assert HOSTILE in names_of(world)


def test_which_button_was_pressed_is_not_shown_as_typed(owner: Member, clock: FixedClock):
    typed = {"identifier": "https://orders.example", "act": "check", "version": "4", "form_id": "abcdefgh"}

    shown = give(owner, send_late(owner, clock, "/admin/audiences/new", **typed), "alice")

    assert re.findall(r"<dt[^>]*>([^<]*)</dt>", shown.text) == ["Identifier"]
    assert 'name="act" value="check"' in shown.text


def test_the_page_that_goes_on_is_of_who_signed_in(owner: Member, clock: FixedClock):
    shown = give(owner, send_late(owner, clock, name="Shop"), "alice")

    assert "<strong>alice</strong>" in shown.text
    assert 'aria-label="Console"' in shown.text
    assert [each for each in shown.headers.getlist("Set-Cookie") if each.startswith("__Host-issuer_session=")]


def test_another_user_gets_nothing_of_what_was_typed(world: World, owner: Member, clock: FixedClock):
    """Nor sends it in the own name: it leads to the page, which is empty."""
    add_user(world, "bob", Role.ADMIN)
    asked = send_late(owner, clock, name="Secret plan", owner="x")

    answer = give(owner, asked, "bob")

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{NEW}?a=b")
    page = owner.open(answer.headers["Location"]).text
    assert "it was not kept" in page
    assert "Secret plan" not in answer.text + page
    assert "Secret plan" not in names_of(world)


@pytest.mark.parametrize("cookie", ["", "x", "x" * 300])
def test_a_browser_whose_last_user_is_not_known_keeps_nothing(owner: Member, cookie: str):
    data = {"csrf_token": owner.find_token(), "name": "Shop", "owner": "x"}
    owner.http.set_cookie("__Host-issuer_session", cookie, domain="id.example")

    answer = owner.ask("POST", NEW, data=data, headers={"Referer": f"https://id.example{NEW}"})

    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"{SIGN_IN}?next=%2Fadmin%2Fservices%2Fnew",
    )
    page = owner.open(answer.headers["Location"]).text
    assert ENDED in page
    assert KEPT not in page


def test_a_cookie_that_is_gone_before_signing_in_keeps_nothing(owner: Member, clock: FixedClock):
    asked = send_late(owner, clock, name="Shop", owner="x")
    owner.http.delete_cookie("__Host-issuer_session", domain="id.example")

    assert give(owner, asked, "alice").status_code == 303


def test_a_wrong_password_keeps_it_and_the_way_back(owner: Member, clock: FixedClock):
    asked = send_late(owner, clock, name="Shop", owner="x")

    again = give(owner, asked, "alice", "wrong")

    assert again.status_code == 422
    assert KEPT in again.text
    assert f'action="{SIGN_IN}?next=/admin/services/new?a%3Db"' in again.text.replace("%2F", "/").replace(
        "%3F", "?"
    )
    assert give(owner, again, "alice").status_code == 200


def test_a_form_with_a_password_is_not_kept(world: World, owner: Member, clock: FixedClock):
    add_user(world, "victim")

    answer = send_late(owner, clock, "/admin/users/by-name/victim/password", password="hunter2-4711")

    assert answer.status_code == 303
    assert "4711" not in answer.text + str(answer.headers)
    assert ENDED in owner.open(answer.headers["Location"]).text
    assert users.find_user(world.registrar, "victim").version == 1


def test_a_button_without_fields_leads_back_to_its_page(owner: Member, clock: FixedClock):
    answer = send_late(owner, clock, "/admin/users/by-name/alice/disable")

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith(f"{SIGN_IN}?next=")


def test_what_the_role_does_not_allow_stays_refused(world: World, clock: FixedClock):
    late = sign_in_as(world, Role.AUDITOR, name="mallory")
    asked = send_late(late, clock, name="Shop", owner="x")

    refused = press(late, give(late, asked, "mallory"))

    assert refused.status_code == 403
    assert "Shop" not in names_of(world)


def test_the_token_of_before_is_worth_nothing_after(owner: Member, clock: FixedClock):
    """Session fixation: the page that goes on has one of its own."""
    asked = send_late(owner, clock, name="Shop", owner="x")
    before = find_token(asked.text)

    shown = give(owner, asked, "alice")

    assert find_token(shown.text) != before
    data = {"csrf_token": before, "name": "Shop", "owner": "x"}
    assert owner.ask("POST", NEW, data=data).status_code == 400


def test_while_the_database_is_away_who_was_signed_out_is_told_so(owner: Member, clock: FixedClock):
    data = {"csrf_token": owner.find_token(), "name": "Shop", "owner": "x"}
    clock.step(IDLE_SECONDS + 60)

    with mock.patch.object(web_sessions, "find_last_user", side_effect=TemporarilyUnavailable("away")):
        answer = owner.ask("POST", NEW, data=data)

    assert (answer.status_code, answer.mimetype) == (503, "text/html")


def test_a_database_that_goes_away_while_signing_in_costs_what_was_typed_and_no_more(
    owner: Member, clock: FixedClock
):
    asked = send_late(owner, clock, "/admin/services/1/edit", owner="x", version="1")

    with mock.patch.object(services, "find_service_by_id", side_effect=TemporarilyUnavailable("away")):
        answer = give(owner, asked, "alice")

    assert answer.status_code == 303
    assert owner.open("/admin").status_code == 200


def test_many_buttons_pressed_late_are_told_once(owner: Member, clock: FixedClock):
    data = {"csrf_token": owner.find_token()}
    clock.step(IDLE_SECONDS + 60)

    for _ in range(3):
        answer = owner.ask("POST", "/admin/users/by-name/alice/disable", data=data)

    assert owner.open(answer.headers["Location"]).text.count(ENDED) == 1


class TestStaleForm:
    """A form of before the last sign-in, sent after it."""

    @pytest.fixture
    def stale(self, owner: Member) -> dict[str, str]:
        """Give the fields of a form that was opened before somebody signed in in another tab."""
        before = owner.find_token()
        assert owner.send(SIGN_IN, name="alice", password=PASSWORD).status_code == 303
        assert owner.find_token() != before
        return {"csrf_token": before, "name": HOSTILE, "owner": "Shop team"}

    def test_it_is_shown_again_with_what_was_typed(self, world: World, owner: Member, stale: dict[str, str]):
        shown = owner.ask("POST", NEW, data=stale, headers=SENT)

        assert shown.status_code == 400
        assert "You have signed in again since this form was opened." in shown.text
        assert HOSTILE in html.unescape(shown.text.split("<dl")[1])
        assert "<b>bold" not in shown.text
        assert HOSTILE not in names_of(world)
        assert press(owner, shown).status_code == 303
        assert HOSTILE in names_of(world)

    @pytest.mark.parametrize("site", [None, "none", "same-site", "cross-site"])
    def test_what_no_page_of_ours_sent_is_not_shown(
        self, owner: Member, stale: dict[str, str], site: str | None
    ):
        """It would let another site fill in a form with a good token (CWE-352)."""
        headers = {} if site is None else {"Sec-Fetch-Site": site}

        answer = owner.ask("POST", NEW, data=stale, headers=headers)

        assert answer.status_code == 400
        assert "This form is no longer valid" in answer.text
        assert "Shop team" not in answer.text

    @pytest.mark.parametrize("token", [None, "", "x", "tampered", "of another browser"])
    def test_what_bears_no_token_of_this_browser_is_not_shown(
        self, world: World, owner: Member, stale: dict[str, str], token: str | None
    ):
        """Whoever reloads the page of a refusal may look like a page of ours."""
        tokens = {"tampered": f"{stale['csrf_token']}x", "of another browser": sign_in_as(world).find_token()}
        sent = {**stale, "csrf_token": tokens.get(token, token)}

        answer = owner.ask("POST", NEW, data={k: v for k, v in sent.items() if v is not None}, headers=SENT)

        assert answer.status_code == 400
        assert "This form is no longer valid" in answer.text
        assert "Shop team" not in answer.text

    def test_another_user_is_not_shown_it(self, world: World, owner: Member):
        add_user(world, "bob", Role.ADMIN)
        stale = {"csrf_token": owner.find_token(), "name": "Secret plan", "owner": "x"}
        owner.send(SIGN_IN, name="bob", password=PASSWORD)

        answer = owner.ask("POST", NEW, data=stale, headers=SENT)

        assert answer.status_code == 400
        assert "Secret plan" not in answer.text

    def test_another_user_is_not_shown_it_after_that_session_has_ended(
        self, world: World, owner: Member, clock: FixedClock
    ):
        add_user(world, "bob", Role.ADMIN)
        stale = {"csrf_token": owner.find_token(), "name": "Secret plan", "owner": "x"}
        owner.send(SIGN_IN, name="bob", password=PASSWORD)
        owner.open("/admin")
        clock.step(IDLE_SECONDS + 60)

        answer = owner.ask("POST", NEW, data=stale, headers=SENT)

        assert answer.status_code == 303
        assert "Secret plan" not in answer.text + owner.open(answer.headers["Location"]).text

    def test_a_form_with_a_password_is_not_shown(self, owner: Member, stale: dict[str, str]):
        path = "/admin/users/by-name/alice/password"

        answer = owner.ask("POST", path, data={**stale, "password": "hunter2-4711"}, headers=SENT)

        assert answer.status_code == 400
        assert "This form is no longer valid" in answer.text
        assert "4711" not in answer.text

    def test_a_form_for_everybody_is_left_alone(self, owner: Member, stale: dict[str, str]):
        answer = owner.ask("POST", "/admin/theme", data={**stale, "theme": "dark"}, headers=SENT)

        assert "This form is no longer valid" in answer.text

    def test_a_fragment_says_so_where_it_would_stand(self, owner: Member, stale: dict[str, str]):
        headers = {**SENT, "HX-Request": "true"}

        answer = owner.ask("POST", "/admin/audiences/check", data=stale, headers=headers)

        assert answer.status_code == 200
        assert "You have signed in again since this page was opened" in answer.text
        assert "<html" not in answer.text

    def test_who_is_signed_out_by_now_signs_in_first(
        self, owner: Member, stale: dict[str, str], clock: FixedClock
    ):
        """After twelve hours both have ended, the session and the token."""
        clock.step(IDLE_SECONDS + 60)

        asked = owner.ask("POST", NEW, data=stale, headers=SENT)

        assert asked.status_code == 403
        assert KEPT in asked.text
        assert HOSTILE in html.unescape(give(owner, asked, "alice").text.split("<dl")[1])

    def test_while_the_database_is_away_the_page_says_so(self, owner: Member, stale: dict[str, str]):
        away = TemporarilyUnavailable("the pool is empty")

        with mock.patch.object(web_sessions, "find_signed_in", side_effect=away):
            answer = owner.ask("POST", NEW, data=stale, headers=SENT)

        assert answer.status_code == 503
