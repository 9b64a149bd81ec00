"""The set-up page: one owner comes of one link, and then there is no such page."""

from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from issuer import setup_link_file
from issuer.entropy import Entropy
from issuer.model.user import Role
from issuer.registry import setup, users
from tests.oauth.world import ISSUER, World
from tests.pages import signed_in
from tests.pages.signed_in import PASSWORD, add_user

SETUP = "/admin/setup"


@pytest.fixture
def link(world: World) -> str:
    """Give a set-up link."""
    return setup.make_link(world.registrar).url


def give(world: World, code: str, name: str = "alice", password: str = PASSWORD, again: str = PASSWORD):
    """Send the form."""
    data = {
        "csrf_token": signed_in.find_token(world.http.open("/admin/sign-in", ISSUER).text),
        "code": code,
        "name": name,
        "password": password,
        "repeated": again,
    }
    return world.http.open(SETUP, ISSUER, method="POST", data=data)


def assert_refused(world: World, answer: TestResponse, says: str) -> None:
    """Assert that a form came back, and that nothing was made of it."""
    assert (answer.status_code, answer.headers["Cache-Control"]) == (422, "no-store")
    assert says in answer.text
    assert PASSWORD not in answer.text
    assert users.list_users(world.registrar) == ()


def test_the_whole_link_makes_the_owner_who_is_then_signed_in(world: World, link: str):
    answer = give(world, f" {link}\n", " Alice ")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin")
    page = world.http.open("/admin", ISSUER).text
    assert "You are the owner now, Alice." in page
    (owner,) = users.list_users(world.registrar)
    assert (owner.name, owner.role) == ("Alice", Role.OWNER)


def test_the_secret_alone_does_as_well(world: World, link: str):
    assert give(world, link.partition("#")[2]).status_code == 303


def test_the_form_is_told_nothing_by_the_address(world: World, link: str):
    """A query would stand in access logs."""
    secret = link.partition("#")[2]

    page = world.http.open(SETUP, ISSUER, query_string={"code": secret}).text

    assert secret not in page.split("<main")[1]
    assert 'autocomplete="new-password"' in page


def test_the_file_with_the_link_goes(world: World, link: str):
    folder = Path(world.parts.settings.data_dir)
    folder.mkdir(exist_ok=True)
    path = setup_link_file.write(folder, link, Entropy())

    give(world, link)

    assert not path.exists()


@pytest.mark.parametrize("code", ["wrong", "https://id.example/admin/setup#wrong", "#", "\x00", "é" * 500])
def test_another_link_makes_nobody_the_owner(world: World, link: str, code: str):
    since = world.log_size()

    answer = give(world, code)

    assert_refused(world, answer, "issuer user setup-link")
    (line,) = world.lines(since)
    assert (line["event"], line["reason"], line["user"]) == (
        "user.set_up_refused",
        "setup_link_refused",
        None,
    )


def test_a_link_that_is_too_old_makes_nobody_the_owner(world: World, link: str, clock):
    clock.step(3600)

    assert_refused(world, give(world, link), "not or no longer valid")


def test_a_link_that_was_replaced_makes_nobody_the_owner(world: World, link: str):
    setup.make_link(world.registrar)

    assert_refused(world, give(world, link), "not or no longer valid")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "al ice"}, "1 to 100 of the characters"),
        ({"name": ""}, "Choose a name"),
        ({"name": "<script>alert(1)</script>"}, "1 to 100 of the characters"),
        ({"name": "x" * 101}, "1 to 100 of the characters"),
        ({"password": "short", "again": "short"}, "at least 12 characters"),
        ({"password": "passwordpassword", "again": "passwordpassword"}, "easy to guess"),
        ({"again": "something else"}, "The two passwords differ."),
        ({"password": "", "again": ""}, "Choose a password."),
        ({"code": ""}, "Paste the whole set-up link."),
    ],
)
def test_what_is_refused_keeps_the_link_good(world: World, link: str, fields: dict[str, str], says: str):
    answer = give(world, **{"code": link, **fields})

    assert_refused(world, answer, says)
    assert "<script>alert" not in answer.text
    assert give(world, link).status_code == 303


def test_a_name_that_was_taken_is_refused_at_its_field(world: World, link: str):
    add_user(world, "alice", Role.AUDITOR)

    answer = give(world, link)

    assert answer.status_code == 422
    assert 'id="name-error"' in answer.text
    assert "names are never given again" in answer.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_with_an_owner_there_is_no_such_page_but_one_that_says_why(world: World, link: str, method: str):
    add_user(world, "alice")
    answer = give(world, link, "bob") if method == "POST" else world.http.open(SETUP, ISSUER)

    assert answer.status_code == 404
    assert all(text in answer.text for text in ("has been set up", "/admin/sign-in", "issuer user password"))
    assert len(users.list_users(world.registrar)) == 1


def test_who_was_a_moment_too_late_is_told_so(world: World, link: str, monkeypatch):
    """Somebody else's form comes in between."""
    real = setup.set_up

    def lose(registrar, passwords, wanted, folder):
        add_user(world, "alice")
        return real(registrar, passwords, wanted, folder)

    monkeypatch.setattr(setup, "set_up", lose)

    answer = give(world, link, "bob")

    assert answer.status_code == 404
    assert "has been set up" in answer.text


def test_an_owner_whose_name_is_locked_signs_in_later(world: World, link: str):
    page = world.http.open("/admin/sign-in", ISSUER).text
    data = {"csrf_token": signed_in.find_token(page), "name": "alice", "password": "wrong"}
    for _ in range(30):
        world.http.open("/admin/sign-in", ISSUER, method="POST", data=data)

    answer = give(world, link)

    assert answer.headers["Location"] == "/admin/sign-in"
    assert "You are the owner now, alice. Sign in." in world.http.open("/admin/sign-in", ISSUER).text


def test_the_page_is_there_again_when_the_last_owner_is_gone(world: World):
    """The terminal alone can bring that about."""
    add_user(world, "alice", Role.ADMIN)

    assert world.http.open(SETUP, ISSUER).status_code == 200
