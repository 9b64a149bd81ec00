"""The console attacked: every address of it by everybody who may not, and what would tell who there is."""

from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.routing import IntegerConverter, Rule
from werkzeug.test import Client as WsgiClient

from issuer.entropy import Entropy
from issuer.model.user import Role, UserState
from issuer.pages import gate
from issuer.pages.gate import PUBLIC
from issuer.registry import audit, users
from issuer.registry.powers import POWERS
from tests.attacks.test_routes import PAGES
from tests.conftest import FixedClock, fresh_database_url
from tests.oauth.world import ISSUER, World, make_settings, opened_world, watching_statements
from tests.pages import signed_in
from tests.pages.signed_in import PASSWORD, Member, add_user, hash_cheaply, open_session

SIGN_IN = "/admin/sign-in"
CONSOLE = {path: found for path, found in PAGES.items() if found[0].startswith("admin.")}
POSTS = sorted(path for path, (_, methods, _) in CONSOLE.items() if "POST" in methods)
GETS = sorted(path for path, (_, methods, _) in CONSOLE.items() if "GET" in methods)

# Behind the issuer's own service and its three audiences, which are locked for everyone.
_OF_SHOP = {"service_id": 2, "audience_id": 4}


@pytest.fixture(scope="module")
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, loaded_keys: object
) -> Iterator[World]:
    """Give a world with a user of each role, named as the role is; passwords cost nothing to check."""
    folder = tmp_path_factory.mktemp("attacked")
    settings = make_settings(fresh_database_url(request, folder, "sqlite"), folder)
    with opened_world(settings, FixedClock(), Entropy(), loaded_keys, folder) as world:
        hash_cheaply(world.app)
        world.add_audience("https://shop.example", service="Shop")
        for role in Role:
            add_user(world, role.value, role, ("Shop",) if role is Role.SERVICE_OWNER else ())
        yield world


@pytest.fixture
def browser(world: World) -> WsgiClient:
    """Give a browser in which nobody has signed in."""
    return WsgiClient(world.app)


@pytest.fixture
def owner(world: World) -> Member:
    """Give an owner who has just given the password: nobody may do more."""
    return enter(world, Role.OWNER)


def enter(world: World, role: Role) -> Member:
    """Return the user of a role, signed in once more."""
    return open_session(world, users.find_user(world.registrar, role.value))


def fill(app: Flask, path: str) -> str:
    """Return an address that a rule matches: the Shop and its audience; other numbers are 1, else x."""
    (rule,) = [each for each in app.url_map.iter_rules() if each.rule == path]
    assert isinstance(rule, Rule)
    values = {
        name: _OF_SHOP.get(name, 1) if isinstance(rule._converters[name], IntegerConverter) else "x"
        for name in rule.arguments
    }
    with app.test_request_context(base_url=ISSUER):
        return app.url_map.bind("id.example").build(rule.endpoint, values)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", ["none", "forged", "of another browser", "cross-site", "same-site"])
def test_no_change_is_made_that_no_form_of_ours_asks_for(
    world: World, browser: WsgiClient, owner: Member, path: str, token: str
):
    """CWE-352, with the session of an owner."""
    given = {
        "none": None,
        "forged": "forged",
        "of another browser": signed_in.find_token(browser.open(SIGN_IN, ISSUER).text),
    }.get(token, owner.find_token())
    data = {} if given is None else {"csrf_token": given}
    headers = {"Sec-Fetch-Site": token} if token.endswith("-site") else {}
    before = audit.list_events(world.registrar)

    answer = owner.ask("POST", fill(world.app, path), data=data, headers=headers)

    assert answer.status_code == 400
    assert "This form is no longer valid" in answer.text
    assert audit.list_events(world.registrar) == before


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", GETS)
def test_asking_changes_nothing(world: World, owner: Member, path: str, method: str):
    before = audit.list_events(world.registrar)

    answer = owner.ask(method, fill(world.app, path))

    assert answer.status_code in {200, 303, 400, 404}
    assert audit.list_events(world.registrar) == before


@pytest.mark.parametrize("path", sorted(CONSOLE))
@pytest.mark.parametrize("cookie", [None, "", "x", "x" * 300, "é", "AAAA.BBBB"])
def test_without_a_session_only_the_way_in_is_open(
    world: World, browser: WsgiClient, path: str, cookie: str | None
):
    _, methods, policy = CONSOLE[path]
    if cookie is not None:
        browser.set_cookie("__Host-issuer_session", cookie, domain="id.example")
    token = signed_in.find_token(browser.open(SIGN_IN, ISSUER).text)
    method = "GET" if "GET" in methods else "POST"
    data = {"csrf_token": token} if method == "POST" else None

    answer = browser.open(fill(world.app, path), ISSUER, method=method, data=data)

    if policy is PUBLIC:
        assert answer.status_code in {200, 303, 400, 404}
    else:
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith(gate.SIGN_IN_PATH)


@pytest.mark.parametrize("path", sorted(CONSOLE))
def test_no_page_of_the_console_is_kept_or_framed(world: World, owner: Member, path: str):
    answer = owner.open(fill(world.app, path))

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", sorted(CONSOLE))
@pytest.mark.parametrize("host", ["evil.example", "id.example.evil.example", "id.example:1"])
def test_no_host_that_a_request_names_stands_in_an_answer(world: World, owner: Member, path: str, host: str):
    """CWE-644: a link with the host of the request is a link to wherever somebody likes."""
    owner.http.set_cookie("__Host-issuer_session", owner.secret, domain=host.partition(":")[0])

    answer = owner.http.open(fill(world.app, path), f"https://{host}")

    assert host not in answer.text
    assert host not in str(answer.headers)


@pytest.mark.parametrize("path", POSTS)
def test_no_answer_of_the_console_is_a_302(world: World, path: str):
    """RFC 9110 §15.4.3: a browser may send the form again, with the password in it."""
    member = enter(world, Role.AUDITOR)
    data = {"csrf_token": member.find_token(), "name": "auditor", "password": PASSWORD, "theme": "dark"}

    answer = member.ask("POST", fill(world.app, path), data=data)

    assert answer.status_code not in {301, 302, 307, 308}


@pytest.mark.parametrize(
    "path",
    [
        "//admin",
        "/admin//",
        "/admin/.",
        "/admin;x",
        "/admin;x/",
        "/ADMIN",
        "/admin/;",
        "/./admin",
        "/x/../admin",
        "/admin/users/",
        "/admin//users",
        "/admin/users/by-name/owner/",
        "/admin\\",
        "/admin/sign-in/",
    ],
)
def test_no_other_spelling_leads_into_the_console(owner: Member, path: str):
    """HashiCorp and smallstep: what a proxy lets through as another address."""
    answer = owner.open("/", environ_overrides={"PATH_INFO": path})

    assert answer.status_code == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize(
    "session_cookie",
    ["issuer_session", "__Host-issuer_session2", "__host-issuer_session", "__Secure-issuer_session"],
)
def test_on_https_no_cookie_of_another_name_is_a_session(
    browser: WsgiClient, owner: Member, session_cookie: str
):
    """Another host of the same site may set any but `__Host-` ones for us."""
    browser.set_cookie(session_cookie, owner.secret, domain="id.example")

    assert browser.open("/admin", ISSUER).status_code == 303


def test_every_name_takes_the_same_statements(world: World):
    """CWE-208: whoever is refused, the same is asked of the database."""
    add_user(world, "disabled", state=UserState.DISABLED)
    runs = []
    for name in ("owner", "disabled", "nobody", "no name"):
        browser = WsgiClient(world.app)
        data = {
            "csrf_token": signed_in.find_token(browser.open(SIGN_IN, ISSUER).text),
            "name": name,
            "password": "mistaken",
        }
        with watching_statements(world.parts.engine) as statements:
            answer = browser.open(SIGN_IN, ISSUER, method="POST", data=data)
        runs.append((answer.status_code, statements))

    assert runs[0][0] == 422
    assert len(runs[0][1]) > 5
    assert runs == [runs[0]] * 4


@pytest.mark.parametrize("role", [Role.ADMIN, Role.AUDITOR, Role.SERVICE_OWNER])
@pytest.mark.parametrize("path", sorted(CONSOLE))
def test_no_role_passes_a_policy_that_it_has_no_power_for(world: World, path: str, role: Role):
    member = enter(world, role)
    _, methods, policy = CONSOLE[path]
    powers = {power.value for power in POWERS[role]}
    method = "GET" if "GET" in methods else "POST"
    data = {"csrf_token": member.find_token()} if method == "POST" else None

    answer = member.ask(method, fill(world.app, path), data=data)

    assert (answer.status_code == 403) is (bool(policy.power) and policy.power not in powers)
