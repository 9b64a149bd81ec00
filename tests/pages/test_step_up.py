"""Step-up: dangerous acts take the password once more, and lead back to where somebody was."""

import pytest

from issuer.errors import StepUpRequired
from issuer.model.user import Role
from issuer.model.web_session import STEP_UP_SECONDS
from issuer.pages import gate
from issuer.registry import users
from tests.oauth.world import World
from tests.pages.conftest import Visitor
from tests.pages.signed_in import PASSWORD, Member, sign_in_as

STEP_UP = "/admin/step-up"


@pytest.fixture
def owner(world: World) -> Member:
    """Give an owner who gave the password too long ago."""
    return sign_in_as(world, is_stepped_up=False)


def test_the_form_helps_password_managers(owner: Member):
    page = owner.open(STEP_UP)

    assert page.status_code == 200
    assert 'value="owner" autocomplete="username"' in page.text
    assert 'autocomplete="current-password"' in page.text


def test_the_right_password_gives_another_secret_and_leads_back(owner: Member):
    answer = owner.send(f"{STEP_UP}?next=/admin/step-up?x", password=PASSWORD)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/step-up?x")
    (cookie,) = [each for each in answer.headers.getlist("Set-Cookie") if each.startswith("__Host-issuer_s")]
    assert owner.secret not in cookie
    assert cookie.endswith("; Secure; HttpOnly; Path=/; SameSite=Lax")
    assert owner.open("/admin").status_code == 200


def test_the_old_secret_opens_nothing_afterwards(owner: Member):
    owner.send(STEP_UP, password=PASSWORD)
    owner.http.set_cookie("__Host-issuer_session", owner.secret, domain="id.example")

    assert owner.open("/admin").status_code == 303


def test_a_wrong_password_is_refused_and_logged(world: World, owner: Member):
    since = world.log_size()

    answer = owner.send(f"{STEP_UP}?next=/admin", password="wrong-one-4711")

    assert answer.status_code == 422
    assert "The password is wrong." in answer.text
    assert "4711" not in answer.text
    (line,) = world.lines(since)
    assert (line["event"], line["reason"], line["user"]) == (
        "user.step_up_refused",
        "sign_in_failed",
        "owner",
    )
    assert "4711" not in str(line)


def test_wrong_passwords_lock_here_as_they_do_at_sign_in(owner: Member):
    for _ in range(5):
        owner.send(STEP_UP, password="wrong")

    answer = owner.send(STEP_UP, password=PASSWORD)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "Try again in <span>1 s</span>." in answer.text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/oauth/token"])
def test_it_leads_back_to_nowhere_else(owner: Member, target: str):
    page = owner.ask("GET", STEP_UP, query_string={"next": target})
    answer = owner.ask(
        "POST",
        STEP_UP,
        query_string={"next": target},
        data={"csrf_token": owner.find_token(), "password": PASSWORD},
    )

    assert f'action="{STEP_UP}"' in page.text
    assert 'href="/admin">Cancel' in page.text
    assert answer.headers["Location"] == "/admin"


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_give_the_password(world: World, role: Role):
    owned = ("Shop",) if role is Role.SERVICE_OWNER else ()
    for name in owned:
        world.add_service(name)
    member = sign_in_as(world, role, owned)

    assert member.send(STEP_UP, password=PASSWORD).status_code == 303


class TestStepUpRequired:
    """What any page answers that takes the password once more."""

    @pytest.fixture
    def visitor(self, visitor: Visitor, monkeypatch) -> Visitor:
        """Give a visitor of the showroom, in which one page takes the password."""

        def refuse() -> None:
            raise StepUpRequired("removing services takes the password once more")

        monkeypatch.setitem(visitor.world.app.view_functions, "admin.form", refuse)
        return visitor

    def test_a_page_leads_there_and_back_to_itself(self, visitor: Visitor):
        answer = visitor.open("/admin/showroom/form?a=b%20c")

        assert answer.status_code == 303
        assert answer.headers["Location"] == f"{STEP_UP}?next=%2Fadmin%2Fshowroom%2Fform%3Fa%3Db%2520c"

    @pytest.mark.parametrize(
        ("referer", "query"),
        [
            ("https://id.example/admin/showroom?a=b", "next=%2Fadmin%2Fshowroom%3Fa%3Db&again=1"),
            ("https://evil.example//evil", "again=1"),
            ("https://evil.example/admin\\x", "again=1"),
            ("http://[", "again=1"),
            (None, "again=1"),
        ],
    )
    def test_a_button_leads_back_to_the_page_it_stands_on(
        self, visitor: Visitor, referer: str | None, query: str
    ):
        token = visitor.find_token("/admin/showroom/rows?rows=0")
        headers = {} if referer is None else {"Referer": referer}

        answer = visitor.ask("POST", "/admin/showroom/form", data={"csrf_token": token}, headers=headers)

        assert (answer.status_code, answer.headers["Location"]) == (303, f"{STEP_UP}?{query}")

    def test_a_fragment_sends_the_whole_page(self, visitor: Visitor):
        headers = {"HX-Request": "true", "HX-Current-URL": "https://id.example/admin/showroom"}

        answer = visitor.open("/admin/showroom/form", headers=headers)

        assert answer.headers["HX-Redirect"] == f"{STEP_UP}?next=%2Fadmin%2Fshowroom"
        assert answer.data == b""


def test_who_comes_by_a_button_is_told_to_press_it_again(owner: Member):
    page = owner.open(f"{STEP_UP}?next=/admin&again=1")

    answer = owner.send(f"{STEP_UP}?next=/admin&again=1", password=PASSWORD)

    assert "Nothing has been changed yet" in page.text
    assert "again=1" in page.text
    assert "Now press the button again." in owner.open(answer.headers["Location"]).text


def test_the_password_stands_for_five_minutes(world: World, owner: Member, clock):
    owner.send(STEP_UP, password=PASSWORD)
    row = users.list_users(world.registrar)[0]

    assert STEP_UP_SECONDS == 300
    assert row.name == "owner"
    assert gate.STEP_UP_PATH == STEP_UP
