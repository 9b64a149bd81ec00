"""One's own account: the password, the browsers one is signed in with."""

import pytest

from issuer.model.user import Role
from tests.oauth.world import ISSUER, World
from tests.pages import signed_in
from tests.pages.signed_in import PASSWORD, Member, add_user, open_session, sign_in_as

ACCOUNT = "/admin/account"
CHANGE = "/admin/account/password"
OTHER = "violet trombone on the marsh"


@pytest.fixture
def browsers(world: World) -> tuple[Member, Member]:
    """Give two browsers of the auditor alice."""
    user = add_user(world, "alice", Role.AUDITOR)
    return open_session(world, user), open_session(world, user)


def change(member: Member, old: str = PASSWORD, new: str = OTHER, again: str = OTHER):
    """Send the form."""
    return member.send(CHANGE, old=old, new=new, repeated=again)


def is_signed_in(member: Member) -> bool:
    """Return whether a browser is still signed in."""
    return member.open(ACCOUNT).status_code == 200


@pytest.mark.parametrize("role", list(Role))
def test_every_role_sees_the_own_account(world: World, role: Role):
    owned = ("Shop",) if role is Role.SERVICE_OWNER else ()
    for name in owned:
        world.add_service(name)
    member = sign_in_as(world, role, owned)

    page = member.open(ACCOUNT)

    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert role.value.replace("_", " ").capitalize() in page.text
    assert all(name in page.text for name in owned)
    assert 'href="/admin/account">My account</a>' in page.text


def test_the_own_sessions_are_listed_and_no_others(world: World, browsers):
    stranger = sign_in_as(world, name="bob")
    here, _ = browsers

    page = here.open(ACCOUNT).text

    assert page.count("Lynx/2.9") == 2
    assert page.count("This one") == 1
    assert here.secret not in page + stranger.open(ACCOUNT).text
    assert stranger.open(ACCOUNT).text.count("Lynx/2.9") == 1


def test_what_a_browser_says_of_itself_is_shown_harmless(world: World):
    add_user(world, "alice")
    page = world.http.open("/admin/sign-in", ISSUER).text
    data = {"csrf_token": signed_in.find_token(page), "name": "alice", "password": PASSWORD}
    agent = "<script>alert(1)</script>" + "x" * 500
    world.http.open("/admin/sign-in", ISSUER, method="POST", data=data, headers={"User-Agent": agent})

    page = world.http.open(ACCOUNT, ISSUER).text

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "x" * 201 not in page


def test_the_password_is_changed_and_other_browsers_are_signed_out(world: World, browsers):
    here, elsewhere = browsers

    answer = change(here)

    assert (answer.status_code, answer.headers["Location"]) == (303, ACCOUNT)
    assert "Your password is changed" in here.open(ACCOUNT).text
    assert not is_signed_in(elsewhere)
    here.http.set_cookie("__Host-issuer_session", here.secret, domain="id.example")
    assert not is_signed_in(here)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("mistaken-4711", OTHER, OTHER), "This is not the password that you have."),
        ((PASSWORD, OTHER, "another"), "The two passwords differ."),
        ((PASSWORD, "short", "short"), "at least 12 characters"),
        ((PASSWORD, "alice alice alice", "alice alice alice"), "easy to guess"),
        ((PASSWORD, PASSWORD, PASSWORD), "The new password is the old one."),
        (("", OTHER, OTHER), "Give the password that you have."),
    ],
)
def test_what_is_refused_changes_nothing_and_is_not_shown(world: World, browsers, given, says: str):
    here, elsewhere = browsers

    answer = change(here, *given)

    assert answer.status_code == 422
    assert says in answer.text
    assert PASSWORD not in answer.text
    assert OTHER not in answer.text
    assert "4711" not in answer.text
    assert is_signed_in(here)
    assert is_signed_in(elsewhere)


def test_a_wrong_old_password_is_logged_and_counted(world: World, browsers):
    here, _ = browsers
    since = world.log_size()
    for _ in range(5):
        change(here, "mistaken-4711")

    answer = change(here)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert "Try again in <span>1 s</span>." in answer.text
    lines = world.lines(since)
    reasons = [(line["event"], line["reason"], line["user"]) for line in lines]
    assert reasons == [("user.password_change_refused", "sign_in_failed", "alice")] * 5 + [
        ("user.password_change_refused", "sign_in_locked", "alice")
    ]
    assert "4711" not in str(lines)


def test_another_session_is_ended(world: World, browsers):
    here, elsewhere = browsers

    answer = here.send(f"{ACCOUNT}/sessions/{elsewhere.session_id}/end")

    assert (answer.status_code, answer.headers["Location"]) == (303, ACCOUNT)
    assert is_signed_in(here)
    assert not is_signed_in(elsewhere)


def test_ending_this_session_signs_out(world: World, browsers):
    here, _ = browsers

    answer = here.send(f"{ACCOUNT}/sessions/{here.session_id}/end")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/sign-in")
    assert "__Host-issuer_session=;" in str(answer.headers)
    assert not is_signed_in(here)


def test_all_others_are_ended_at_once(world: World, browsers):
    here, elsewhere = browsers
    stranger = sign_in_as(world, name="bob")

    answer = here.send(f"{ACCOUNT}/end-others")

    assert answer.status_code == 303
    assert [is_signed_in(each) for each in (here, elsewhere, stranger)] == [True, False, True]


@pytest.mark.parametrize("which", ["stranger", "0", "2147483647", "2147483648", "9" * 40, "-1", "x"])
def test_nobody_ends_what_is_not_the_own(world: World, browsers, which: str):
    stranger = sign_in_as(world, name="bob")
    session_id = stranger.session_id if which == "stranger" else which

    answer = browsers[0].send(f"{ACCOUNT}/sessions/{session_id}/end")

    assert answer.status_code == 404
    assert is_signed_in(stranger)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ACCOUNT),
        ("GET", CHANGE),
        ("POST", CHANGE),
        ("POST", f"{ACCOUNT}/end-others"),
        ("POST", f"{ACCOUNT}/sessions/1/end"),
    ],
)
def test_nobody_else_comes_here(world: World, method: str, path: str):
    page = world.http.open("/admin/sign-in", ISSUER).text
    data = {"csrf_token": signed_in.find_token(page)}

    answer = world.http.open(path, ISSUER, method=method, data=data if method == "POST" else None)

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/admin/sign-in")


@pytest.mark.parametrize("path", [CHANGE, f"{ACCOUNT}/end-others", f"{ACCOUNT}/sessions/1/end"])
@pytest.mark.parametrize("token", [None, "forged"])
def test_no_change_without_a_token_of_ours(browsers, path: str, token: str | None):
    here, elsewhere = browsers
    data = {} if token is None else {"csrf_token": token}

    answer = here.ask("POST", path, data={**data, "old": PASSWORD, "new": OTHER, "repeated": OTHER})

    assert answer.status_code == 400
    assert is_signed_in(elsewhere)
