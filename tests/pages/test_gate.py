"""The gate: default deny, form tokens, who is signed in."""

import pytest

from issuer.pages import gate
from issuer.pages.gate import MACHINES
from tests.pages import showroom
from tests.pages.conftest import Visitor

FORM = "/admin/showroom/form"
SHELL = "/admin/showroom"
SIGN_IN = "/admin/sign-in"


def test_a_page_of_the_console_is_not_kept_and_has_every_header(visitor: Visitor):
    answer = visitor.open(SHELL)

    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_address_without_a_policy_is_refused_to_everyone(visitor: Visitor, method: str):
    answer = visitor.ask(method, "/admin/showroom/forgotten")

    assert answer.status_code == 403
    assert "no policy" not in answer.text


def test_who_is_not_signed_in_is_sent_to_sign_in_and_comes_back(visitor: Visitor):
    answer = visitor.open("/admin/showroom/rows?q=a%20b", "nobody")

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/admin/sign-in?next=%2Fadmin%2Fshowroom%2Frows%3Fq%3Da%2520b"


def test_a_name_with_a_space_in_the_path_is_come_back_to(visitor: Visitor):
    answer = visitor.open("/admin/showroom/refused/My%20shop%C3%A9", "nobody")

    assert (
        answer.headers["Location"]
        == "/admin/sign-in?next=%2Fadmin%2Fshowroom%2Frefused%2FMy%2520shop%25C3%25A9"
    )


def test_an_issuer_with_a_path_sends_to_its_own_sign_in(open_world):
    with showroom.furnished():
        world = open_world(url="https://x.example/auth")
    showroom.furnish(world.app)

    answer = world.send("GET", "/auth/admin/showroom", headers={showroom.WHO: "nobody"})

    assert answer.headers["Location"] == "/auth/admin/sign-in?next=%2Fauth%2Fadmin%2Fshowroom"


@pytest.mark.parametrize(
    ("referer", "expected"),
    [
        ("https://id.example/admin/showroom/form?a=b", "?next=%2Fadmin%2Fshowroom%2Fform%3Fa%3Db"),
        ("https://evil.example//evil", ""),
        ("https://evil.example/admin\\x", ""),
        ("https://id.example/oauth/token", ""),
        ("http://[", ""),
        ("", ""),
    ],
)
def test_a_form_of_who_is_not_signed_in_leads_back_to_its_page(visitor: Visitor, referer: str, expected: str):
    data = {"csrf_token": visitor.find_token(), "name": "x"}

    answer = visitor.ask("POST", FORM, "nobody", data=data, headers={"Referer": referer})

    assert (answer.status_code, answer.headers["Location"]) == (303, f"/admin/sign-in{expected}")
    assert "Your session has ended; nothing was saved." in visitor.open(SIGN_IN, "nobody").text
    assert "Your session has ended" not in visitor.open(SIGN_IN, "nobody").text


def test_who_only_opened_a_page_is_not_told_of_a_session(visitor: Visitor):
    visitor.open(SHELL, "nobody")

    assert "Your session has ended" not in visitor.open(SIGN_IN, "nobody").text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_fragment_for_nobody_says_so_where_it_would_stand(visitor: Visitor, method: str):
    """What is typed in the page round it stays: nothing leads away from there."""
    path = SHELL if method == "GET" else "/admin/showroom/fragment"
    token = visitor.find_token()

    headers = {"HX-Request": "true", "HX-Current-URL": f"https://id.example{FORM}", "X-CSRFToken": token}
    answer = visitor.ask(method, path, "nobody", headers=headers)

    assert answer.status_code == 200
    assert not [name for name, _ in answer.headers if name.startswith("HX-")]
    assert "You are signed out. What you typed is still here" in answer.text
    assert '<a href="/admin/sign-in" target="_blank" rel="noopener">' in answer.text
    assert "<html" not in answer.text
    assert "Your session has ended" not in visitor.open(SIGN_IN, "nobody").text


def test_a_role_without_the_power_is_refused(visitor: Visitor):
    answer = visitor.open(FORM, "auditor")

    assert answer.status_code == 403
    assert "Your role does not allow this" in answer.text


def test_the_rail_shows_what_the_role_may_open(visitor: Visitor):
    assert 'href="/admin/showroom/form"><svg' in visitor.open(SHELL).text
    assert 'href="/admin/showroom/form"><svg' not in visitor.open(SHELL, "auditor").text


@pytest.mark.parametrize("who", ["alice", "auditor", "nobody"])
@pytest.mark.parametrize("path", [FORM, "/admin/theme", "/admin/showroom/fault"])
@pytest.mark.parametrize("token", [None, "", "forged", "x" * 5000])
def test_a_change_without_a_token_of_ours_is_refused(
    visitor: Visitor, who: str, path: str, token: str | None
):
    visitor.open(FORM)

    answer = visitor.ask("POST", path, who, data={} if token is None else {"csrf_token": token})

    assert answer.status_code == 400
    assert "This form is no longer valid" in answer.text
    assert answer.headers["X-Request-ID"] in answer.text


def test_the_token_of_another_browser_is_refused(visitor: Visitor):
    token = visitor.find_token()
    visitor.world.http.delete_cookie("__Host-issuer_forms", domain="id.example")

    answer = visitor.ask("POST", FORM, data={"csrf_token": token})

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 422), ("none", 422), ("same-site", 400), ("cross-site", 400)]
)
def test_a_change_that_another_site_asks_for_is_refused(visitor: Visitor, site: str, status: int):
    """Whatever token it holds (Fetch Metadata)."""
    data = {"csrf_token": visitor.find_token(), "name": ""}

    answer = visitor.ask("POST", FORM, data=data, headers={"Sec-Fetch-Site": site})

    assert answer.status_code == status


def test_the_token_may_come_in_the_header_that_our_script_sends(visitor: Visitor):
    answer = visitor.ask("POST", FORM, data={"name": ""}, headers={"X-CSRFToken": visitor.find_token()})

    assert answer.status_code == 422


def test_a_form_stays_valid_as_long_as_a_session(visitor: Visitor):
    assert visitor.world.app.config["WTF_CSRF_TIME_LIMIT"] == 12 * 3600


def test_the_cookie_of_forms_says_nothing_of_who_is_signed_in(visitor: Visitor):
    cookie = visitor.open(FORM).headers["Set-Cookie"]

    assert cookie.startswith("__Host-issuer_forms=")
    assert cookie.endswith("; Secure; HttpOnly; Path=/; SameSite=Lax")


def test_forms_are_signed_by_a_secret_of_their_own(visitor: Visitor):
    """Not by the master key itself, nor by anything that is stored."""
    config, settings = visitor.world.app.config, visitor.world.parts.settings

    assert len(config["SECRET_KEY"]) == 32
    assert config["SECRET_KEY"] not in settings.master_key


def test_a_master_key_that_was_replaced_still_reads_what_it_signed(visitor: Visitor):
    """The first signs, all are believed, as with sealing."""
    visitor.send(FORM, name="Orders", identifier="free", kind="web", alg="RS256")
    parts = visitor.world.parts

    parts.form_keys.load((b"another master key, 32 bytes ok.", *parts.settings.master_key))

    assert "Orders was registered." in visitor.open(SHELL).text


@pytest.mark.parametrize("place", ["first", "last"])
def test_a_form_from_before_a_master_key_was_added_is_taken(visitor: Visitor, place: str):
    """Before the one that signs or behind it: processes are restarted one after the other."""
    token, parts = visitor.find_token(), visitor.world.parts
    other = (b"another master key, 32 bytes ok.",)
    lists = {"first": (*other, *parts.settings.master_key), "last": (*parts.settings.master_key, *other)}

    parts.form_keys.load(lists[place])
    fields = {"csrf_token": token, "name": "Orders", "identifier": "free", "kind": "web", "alg": "RS256"}
    answer = visitor.ask("POST", FORM, data=fields)

    assert answer.status_code == 303


def test_a_form_from_a_master_key_that_is_not_listed_is_refused(visitor: Visitor):
    token = visitor.find_token()

    visitor.world.parts.form_keys.load((b"another master key, 32 bytes ok.",))

    assert visitor.ask("POST", FORM, data={"csrf_token": token, "name": "Orders"}).status_code == 400


def test_a_token_endpoint_takes_no_form_token_and_no_cookie(visitor: Visitor):
    assert gate.gate_of(visitor.world.app).find_policy("/oauth/token") is MACHINES


@pytest.mark.parametrize(
    "path",
    [
        "/admin;x/showroom",
        "/admin/showroom;x",
        "/../admin/showroom",
        "//admin/showroom",
        "/admin//showroom",
        "/Admin/showroom",
        "/admin/showroom/",
        "/admin\\showroom",
        "/./admin/showroom",
        "/x/../admin/showroom",
    ],
)
def test_no_other_spelling_of_an_address_leads_to_it(visitor: Visitor, path: str):
    answer = visitor.open("/", environ_overrides={"PATH_INFO": path})

    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize("value", [showroom.HOSTILE, showroom.LONG])
def test_what_is_shown_is_escaped(visitor: Visitor, value: str):
    answer = visitor.send(FORM, name=value, identifier="taken")

    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert "onerror" not in answer.text or "&lt;img" in answer.text
