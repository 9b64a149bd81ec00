"""Signing in and out through pages: one answer for everybody who may not, and no way out of the console."""

import json

import pytest
from werkzeug.test import Client as WsgiClient
from werkzeug.test import TestResponse

from issuer.model.user import Role, UserState
from tests.oauth.world import ISSUER, World
from tests.pages import signed_in
from tests.pages.signed_in import PASSWORD, add_user, hash_cheaply, sign_in_as

SIGN_IN = "/admin/sign-in"


def give(world: World, name: str, password: str, query: str = ""):
    """Send the form. query: of its address."""
    page = world.http.open(SIGN_IN + query, ISSUER).text
    data = {"csrf_token": signed_in.find_token(page), "name": name, "password": password}
    place = {"REMOTE_ADDR": "127.0.0.1"}
    return world.http.open(SIGN_IN + query, ISSUER, method="POST", data=data, environ_overrides=place)


def cookies(answer: TestResponse) -> dict[str, str]:
    """Return what each cookie that an answer sets holds, attributes included."""
    return dict(each.split("=", 1) for each in answer.headers.getlist("Set-Cookie"))


def test_the_form_helps_password_managers(world: World):
    page = world.http.open(SIGN_IN, ISSUER)

    assert page.status_code == 200
    assert page.headers["Cache-Control"] == "no-store"
    assert 'autocomplete="username"' in page.text
    assert 'autocomplete="current-password"' in page.text


def test_an_only_owner_who_forgot_the_password_is_told_a_way(world: World):
    page = world.http.open(SIGN_IN, ISSUER).text

    assert "whoever runs this server: <code>issuer user password NAME</code>" in page


def test_the_right_password_leads_to_the_front_page(world: World):
    add_user(world, "Alice")

    answer = give(world, "alice", PASSWORD)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin")
    assert "Alice" in world.http.open("/admin", ISSUER).text


def test_the_cookie_of_a_session_belongs_to_this_host_alone(world: World):
    add_user(world, "alice")

    cookie = cookies(give(world, "alice", PASSWORD))["__Host-issuer_session"]

    secret, *attributes = cookie.split("; ")
    assert len(secret) == 43
    assert attributes == ["Secure", "HttpOnly", "Path=/", "SameSite=Lax"]


def test_without_https_the_cookie_is_kept_from_scripts_all_the_same(open_world):
    world = open_world(url="http://localhost:8000")
    hash_cheaply(world.app)
    add_user(world, "alice")
    page = world.http.open(SIGN_IN, "http://localhost:8000").text
    data = {"csrf_token": signed_in.find_token(page), "name": "alice", "password": PASSWORD}

    answer = world.http.open(SIGN_IN, "http://localhost:8000", method="POST", data=data)

    _, *attributes = cookies(answer)["issuer_session"].split("; ")
    assert attributes == ["HttpOnly", "Path=/", "SameSite=Lax"]


def test_a_deep_link_survives_signing_in(world: World):
    add_user(world, "alice")
    sent = world.http.open("/admin/step-up?next=%2Fadmin&x=a%20b", ISSUER)
    query = sent.headers["Location"].removeprefix(SIGN_IN)

    answer = give(world, "alice", PASSWORD, query)

    assert answer.headers["Location"] == "/admin/step-up?next=%2Fadmin&x=a%20b"


def test_an_issuer_with_a_path_keeps_to_it(open_world):
    origin = "https://x.example"
    world = open_world(url=f"{origin}/auth")
    hash_cheaply(world.app)
    add_user(world, "alice")
    way_in = world.http.open("/auth/admin/account", origin).headers["Location"]
    page = world.http.open(way_in, origin).text
    data = {"csrf_token": signed_in.find_token(page), "name": "alice", "password": PASSWORD}

    answer = world.http.open(way_in, origin, method="POST", data=data)

    assert answer.headers["Location"] == "/auth/admin/account"
    shown = world.http.open("/auth/admin/account", origin).text
    assert 'action="/auth/admin/sign-out"' in shown
    assert 'href="/admin' not in shown
    assert world.http.open("/auth/admin/", origin).headers["Location"] == "/auth/admin"


def test_the_link_also_survives_a_wrong_password(world: World):
    add_user(world, "alice")

    page = give(world, "alice", "wrong", "?next=/admin/step-up")

    assert 'action="/admin/sign-in?next=/admin/step-up"' in page.text.replace("%2F", "/")


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/admin/../../evil",
        "/admin/%2e%2e/%2e%2e/evil",
        "/admin//evil.example",
        "/admin;x",
        "/administrator",
        "javascript:alert(1)",
        "/admin\r\nX: y",
        "/oauth/token",
        "https:/admin",
        " /admin/step-up",
        "/admin/" + "x" * 3000,
    ],
)
def test_no_link_leads_out_of_the_console(world: World, target: str):
    """CWE-601: who has just given a password believes the page that follows."""
    add_user(world, "alice")
    page = world.http.open(SIGN_IN, ISSUER).text
    data = {"csrf_token": signed_in.find_token(page), "name": "alice", "password": PASSWORD}

    shown = world.http.open(SIGN_IN, ISSUER, query_string={"next": target})
    answer = world.http.open(SIGN_IN, ISSUER, method="POST", query_string={"next": target}, data=data)
    again = world.http.open(SIGN_IN, ISSUER, query_string={"next": target})

    assert f'action="{SIGN_IN}"' in shown.text
    assert [each.headers["Location"] for each in (answer, again)] == ["/admin", "/admin"]


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("alice", "mistaken-4711"),
        ("alice", "x" * 5000),
        ("nobody", PASSWORD),
        ("disabled", PASSWORD),
        ("removed", PASSWORD),
        ("al ice", PASSWORD),
        ("<script>alert(1)</script>", PASSWORD),
        ("x" * 5000, PASSWORD),
        ("a\x00b", PASSWORD),
        ("\u202eecila", PASSWORD),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_one_page_for_everybody_who_may_not(world: World, name: str, password: str):
    """CWE-204: it tells nobody which names there are."""
    add_user(world, "alice")
    add_user(world, "disabled", state=UserState.DISABLED)
    add_user(world, "removed", state=UserState.REMOVED)

    answer = give(world, name, password)

    assert answer.status_code == 422
    assert "The name or the password is wrong." in answer.text
    assert answer.text.count('class="notice') == 1
    assert not {"Retry-After", "Location"} & set(answer.headers.keys())
    assert "__Host-issuer_session" not in cookies(answer)
    assert "<script>alert" not in answer.text
    assert password not in answer.text


def test_the_page_of_a_refusal_differs_in_nothing_but_what_was_typed(world: World):
    add_user(world, "alice")

    pages = [give(world, name, "wrong").text for name in ("alice", "malic")]

    plain = [_drop_varying(page) for page in pages]
    assert plain[0].replace("alice", "NAME") == plain[1].replace("malic", "NAME")


@pytest.mark.parametrize("name", ["alice", "nobody"])
def test_who_tries_too_often_is_told_in_words_how_long_to_wait(world: World, clock, name: str):
    add_user(world, "alice")
    for _ in range(8):
        answer = give(world, name, "wrong")
        clock.step(int(answer.headers.get("Retry-After", 0)))
    clock.step(-2)

    answer = give(world, name, PASSWORD)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "2")
    assert "Too many wrong passwords for this name." in answer.text
    assert 'data-countdown="2"' in answer.text
    assert "Try again in <span>2 s</span>." in answer.text


def test_a_refusal_is_logged_with_the_name_of_a_user_and_with_no_other_word(world: World):
    """What was typed into the wrong field may be a password."""
    add_user(world, "Alice")
    since = world.log_size()

    give(world, "ALICE", "wrong-one-4711")
    give(world, "my-password-0815", "x")

    lines = world.lines(since)
    assert [(line["event"], line["reason"], line["user"]) for line in lines] == [
        ("user.sign_in_refused", "sign_in_failed", "Alice"),
        ("user.sign_in_refused", "sign_in_failed", None),
    ]
    assert all(line["request_id"] and line["address"] == "127.0.0.1" for line in lines)
    assert not any(word in json.dumps(lines) for word in ("4711", "0815"))


def test_nothing_is_asked_for_without_both_words(world: World):
    since = world.log_size()

    answer = give(world, "", "")

    assert answer.status_code == 422
    assert all(text in answer.text for text in ("Give your name.", "Give your password."))
    assert world.lines(since) == []


def test_a_busy_server_says_so(world: World):
    add_user(world, "alice")
    passwords = world.parts.passwords
    passwords._wait_seconds = 0.01

    with passwords.turn(), passwords.turn():
        answer = give(world, "alice", PASSWORD)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "cannot check passwords just now" in answer.text


def test_what_a_browser_brought_along_is_no_session_afterwards(world: World):
    """Session fixation (CWE-384): the secret is new, and so is the token of forms."""
    add_user(world, "alice")
    world.http.set_cookie("__Host-issuer_session", "chosen-by-somebody-else", domain="id.example")
    before = signed_in.find_token(world.http.open(SIGN_IN, ISSUER).text)

    answer = give(world, "alice", PASSWORD)

    assert not cookies(answer)["__Host-issuer_session"].startswith("chosen")
    stale = world.http.open("/admin/sign-out", ISSUER, method="POST", data={"csrf_token": before})
    assert stale.status_code == 400


def test_signing_in_again_ends_the_session_that_the_browser_had(world: World):
    first = sign_in_as(world, name="alice")
    token = first.find_token()
    data = {"csrf_token": token, "name": "alice", "password": PASSWORD}

    answer = first.ask("POST", SIGN_IN, data=data)

    assert answer.status_code == 303
    left = WsgiClient(world.app)
    left.set_cookie("__Host-issuer_session", first.secret, domain="id.example")
    assert left.open("/admin", ISSUER).status_code == 303


def test_who_is_signed_in_is_led_on(world: World):
    member = sign_in_as(world)

    answer = member.open(f"{SIGN_IN}?next=/admin/step-up")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/step-up")


def test_nobody_is_signed_in_by_another_site(world: World):
    """Login CSRF: whoever works on in a stranger's account tells the stranger."""
    add_user(world, "mallory")
    theirs = WsgiClient(world.app)
    token = signed_in.find_token(theirs.open(SIGN_IN, ISSUER).text)
    data = {"csrf_token": token, "name": "mallory", "password": PASSWORD}

    foreign = world.http.open(SIGN_IN, ISSUER, method="POST", data=data)
    crossing = theirs.open(
        SIGN_IN, ISSUER, method="POST", data=data, headers={"Sec-Fetch-Site": "cross-site"}
    )

    assert (foreign.status_code, crossing.status_code) == (400, 400)
    assert "__Host-issuer_session" not in cookies(foreign)


def test_signing_out_ends_the_session_on_the_server_too(world: World):
    member = sign_in_as(world)

    answer = member.send("/admin/sign-out")

    assert (answer.status_code, answer.headers["Location"]) == (303, SIGN_IN)
    assert cookies(answer)["__Host-issuer_session"].startswith(";")
    member.http.set_cookie("__Host-issuer_session", member.secret, domain="id.example")
    assert member.open("/admin").status_code == 303


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_link_signs_anybody_out(world: World, method: str):
    member = sign_in_as(world)

    assert member.ask(method, "/admin/sign-out").status_code == 405
    assert member.open("/admin").status_code == 200


def test_who_has_no_owner_yet_is_told_of_the_set_up_link(world: World):
    assert "issuer user setup-link" in world.http.open(SIGN_IN, ISSUER).text
    add_user(world, "alice", Role.OWNER)
    assert "issuer user setup-link" not in world.http.open(SIGN_IN, ISSUER).text


def test_a_session_ends_after_half_an_hour_without_use(world: World, clock):
    member = sign_in_as(world)
    clock.step(29 * 60)
    assert member.open("/admin").status_code == 200
    clock.step(29 * 60)
    assert member.open("/admin").status_code == 200
    clock.step(30 * 60)

    answer = member.open("/admin")

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{SIGN_IN}?next=%2Fadmin")


def _drop_varying(page: str) -> str:
    token = signed_in.find_token(page)
    return page.replace(token, "TOKEN")
