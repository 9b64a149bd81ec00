"""What was typed is kept while the password is asked for, and nothing secret with it."""

import ast
import html
import re
from pathlib import Path
from unittest import mock

import pytest

from issuer import admin
from issuer.admin import kept_act, kept_form
from issuer.errors import TemporarilyUnavailable
from issuer.model.user import Role
from issuer.pages import gate
from issuer.registry import clients, permissions, services, users
from issuer.registry.listings import keys
from issuer.registry.permissions import NewPermission
from issuer.registry.powers import DANGEROUS
from tests.oauth.world import World
from tests.pages.signed_in import PASSWORD, Member, add_user, hash_cheaply, sign_in_as

STEP_UP = "/admin/step-up"
LABEL = """rack "2" & <b>bold</b>"""
HOSTILE = """Shop"'><b>bold</b>"""


@pytest.fixture
def world(open_world) -> World:
    """Give a world with a client and a service, in which passwords cost nothing to check."""
    world = open_world()
    hash_cheaply(world.app)
    world.add_service("Shop")
    world.add_client("Robot")
    return world


@pytest.fixture
def owner(world: World) -> Member:
    """Give an owner who gave the password too long ago."""
    return sign_in_as(world, is_stepped_up=False)


def read_hidden(page: str) -> list[tuple[str, str]]:
    """Return the hidden fields of a page's forms but for their tokens."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)"', page.split("<main")[1])
    return [(name, html.unescape(value)) for name, value in found if name != "csrf_token"]


def _gather(fields: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Return fields by name, each with all of its values."""
    return {name: [value for each, value in fields if each == name] for name, _ in fields}


def find_thing(header: str) -> str:
    """Return what stands below the heading of a page, "" for nothing."""
    found = re.search(r"</h1></div>\s*<div>([^<]*)</div>", header)
    return html.unescape(found[1]) if found else ""


def find_kid(world: World) -> str:
    """Return the kid of the key that signs tokens for all audiences with RS256."""
    return next(line.signer.kid for line in keys.list_lines(world.registrar) if line.alg == "RS256")


def go_on(member: Member, path: str, **typed: object) -> str:
    """Send a form, give the password and go on; return the last page's text."""
    asked = member.send(path, **typed)
    assert asked.status_code == 403
    carried = dict(read_hidden(asked.text))
    shown = member.send(STEP_UP, password=PASSWORD, **carried)
    assert shown.status_code == 200
    action = html.unescape(
        re.search(r'method="post" action="([^"]*)">\s*<input', shown.text.split("<main")[1])[1]
    )
    return member.send(action, **dict(read_hidden(shown.text))).text


def secret_path(world: World) -> str:
    """Return where another secret of the client is made."""
    return f"/admin/clients/{world.clients['Robot'].client_id}/credentials/new"


def test_what_was_typed_goes_through(world: World, owner: Member):
    typed = {"form_id": "abcdefgh", "label": LABEL, "expires_in_days": "10"}

    page = go_on(owner, secret_path(world), **typed)

    assert "shown this once" in page
    client = clients.find_client(world.registrar, world.clients["Robot"].client_id)
    assert client.secrets[-1].label == LABEL


def test_a_new_client_comes_with_a_secret_and_takes_the_password(world: World, owner: Member):
    world.add_audience("urn:orders", "read", "write")
    typed = {
        "form_id": "abcdefgh", "act": "register", "name": "Night report", "kind": "service", "q": "ord",
        "auth_method": "client_secret_basic", "audience": "urn:orders",
        "scope": ["urn:orders read", "urn:orders write"],
    }  # fmt: skip

    asked = owner.send("/admin/clients/new", **typed)
    kept = [(name, value) for name, value in read_hidden(asked.text) if name.startswith(kept_form.PREFIX)]
    shown = owner.send(STEP_UP, password=PASSWORD, kept_action="/admin/clients/new", **_gather(kept))
    before = clients.list_clients(world.registrar)
    made = owner.send("/admin/clients/new", **_gather(read_hidden(shown.text)))

    assert (asked.status_code, shown.status_code, made.status_code) == (403, 200, 201)
    facts = re.findall(r"<dt>([^<]*)</dt>", shown.text)
    assert facts == ["Name", "Kind", "Auth method", "Audience", "Scope", "Scope"]
    assert [client.name for client in before] == ["Robot"]
    (held,) = permissions.list_permissions(world.registrar, "night-report-abcdefgh")
    assert held.scopes == {"read", "write"}


def test_the_form_of_a_new_client_is_not_filled_in_in_vain(owner: Member):
    answer = owner.open("/admin/clients/new")

    assert (answer.status_code, answer.headers["Location"]) == (
        303,
        f"{STEP_UP}?next=%2Fadmin%2Fclients%2Fnew",
    )


def test_it_is_seen_before_it_is_sent(world: World, owner: Member):
    asked = owner.send(secret_path(world), label=LABEL)

    shown = owner.send(STEP_UP, password=PASSWORD, **dict(read_hidden(asked.text)))

    assert LABEL in html.unescape(shown.text.split("<dl")[1])
    assert "<b>bold" not in asked.text + shown.text
    assert clients.find_client(world.registrar, world.clients["Robot"].client_id).version == 1


@pytest.mark.parametrize(
    ("path", "label", "thing"),
    [
        ("/admin/clients/new", "Register client", ""),
        ("{client}/credentials/new", "Make secret", "Robot ({client_id})"),
        ("{client}/remove", "Remove client", "Robot ({client_id})"),
        ("/admin/services/3/remove", "Remove service", HOSTILE),
        ("/admin/audiences/4/remove", "Remove audience", "urn:orders"),
        ("/admin/keys/by-id/{kid}/compromise", "Withdraw key as stolen", "{kid}"),
        ("/admin/keys/rotation/publish", "Publish the next key", ""),
        ("/admin/keys/rotation/sign-now", "Sign with the next key now", ""),
        ("/admin/users/new", "Add user", ""),
        ("/admin/users/by-name/VICTIM/edit", "Change role", "victim"),
        ("/admin/users/by-name/victim/password", "Set password", "victim"),
        ("/admin/users/by-name/nobody/edit?name=victim", "Change role", ""),
        ("/admin/audiences/99/remove", "Remove audience", ""),
        ("/admin/audiences/99999999999999999999/remove", "Remove audience", ""),
        ("/admin/keys/by-id/all-is-well/compromise", "Withdraw key as stolen", ""),
        ("/admin/services/new", "Register service", ""),
        ("/admin/clients/%{escaped}/remove", "Remove client", "Robot ({client_id})"),
        (
            "/admin/audiences/4/clients/grant?client={client_id}",
            "Save permission",
            "Robot ({client_id}) at urn:orders",
        ),
        (
            "/admin/audiences/4/clients/revoke?client={client_id}",
            "Revoke permission",
            "Robot ({client_id}) at urn:orders",
        ),
        ("{client}/access/4/permit?client=x", "Save permission", "Robot ({client_id}) at urn:orders"),
        ("{client}/access/4/revoke", "Revoke permission", "Robot ({client_id}) at urn:orders"),
        ("/admin/audiences/4/scopes/edit?name=read", "Save description", "read of urn:orders"),
    ],
)
def test_what_will_be_done_is_told_by_where_the_form_is_sent(
    world: World, owner: Member, path: str, label: str, thing: str
):
    """Not by what it holds, however it is called, nor by a name that nothing is registered under."""
    world.add_audience("urn:orders", service=HOSTILE)
    add_user(world, "victim")
    client_id = world.clients["Robot"].client_id
    filled = {"client": f"/admin/clients/{client_id}", "client_id": client_id, "kid": find_kid(world)}
    filled["escaped"] = f"{ord(client_id[0]):02x}{client_id[1:]}"
    carried = {"kept.name": "harmless", "kept.label": "Go home", "kept.act": "Sign out", "kept.thing": "x"}

    page = owner.send(STEP_UP, password=PASSWORD, kept_action=path.format(**filled), **carried)

    main = page.text.split("<main")[1]
    header, form = main.split("</header>")
    assert page.status_code == 200
    assert re.search(r"<h1>([^<]*)</h1>", header)[1] == label
    assert find_thing(header) == thing.format(**filled)
    assert f'action="{path.format(**filled)}"' in form
    assert f">{label}</button>" in form


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (
            "{client}/remove",
            "It loses 1 audience at once. 0 refresh token families give no more tokens. {left}",
        ),
        ("/admin/audiences/{audience}/remove", "1 client loses it at once. {left}"),
        ("/admin/services/{service}/remove", f"1 audience of {HOSTILE}: 1 client loses it at once. {{left}}"),
    ],
)
def test_what_ends_with_a_removal_is_told_where_it_is_done_in_the_words_of_the_danger_zone(
    world: World, owner: Member, path: str, told: str
):
    audience = world.add_audience("urn:orders", service=HOSTILE)
    client_id = world.clients["Robot"].client_id
    permissions.grant_permission(world.registrar, NewPermission(client_id, "urn:orders"))
    filled = {
        "client": f"/admin/clients/{client_id}", "audience": audience.id, "service": audience.service.id,
    }  # fmt: skip

    page = owner.send(STEP_UP, password=PASSWORD, kept_action=path.format(**filled), **{"kept.x": "x"}).text

    left = (
        "No live token is left. 0 tokens were issued in the last 24 hours. "
        "Removing takes away 1 permission for good."
    )
    told = told.format(left=left)
    form = page.split("<main")[1].split("</header>")[1]
    assert html.unescape(re.search(r"<p>([^<]*)</p>", form)[1]) == told
    # Enter, which sent the password, does not press this one as well.
    assert 'class="button danger filled">' in form
    danger = path.format(**filled).replace("remove", "danger")
    zone = owner.open(danger if "services" not in danger else danger.removesuffix("/danger")).text
    assert told in html.unescape(zone)


def test_what_removes_nothing_tells_no_end_and_looks_as_usual(world: World, owner: Member):
    page = owner.send(STEP_UP, password=PASSWORD, kept_action=secret_path(world), **{"kept.x": "x"}).text

    assert 'class="button primary" autofocus' in page
    assert "permission" not in page.split("<main")[1]


def test_every_dangerous_form_has_its_words(world: World):
    """Who adds one either says what it does or, if it has no fields, lists it here."""
    without_fields = {
        "give_own_key", "give_up_own_key", "revoke_secret", "end_families", "end_family", "retire_key",
        "disable_user", "enable_user", "remove_user", "sign_user_out", "end_session",
    }  # fmt: skip
    # Its address takes another power; the secret that the client comes with takes the password.
    with_a_secret = {"admin.add_client"}
    dangerous = {power.value for power in DANGEROUS}
    rules = [rule for rule in world.app.url_map.iter_rules() if "POST" in rule.methods]

    found = {
        rule.endpoint
        for rule in rules
        if getattr(gate.gate_of(world.app).find_policy(rule.endpoint), "power", "") in dangerous
    }

    assert found == {*kept_act.LABELS, *(f"admin.{name}" for name in without_fields)} - with_a_secret


def test_every_form_that_may_be_kept_has_its_words(world: World):
    """Who adds one says what it does, or lists it here: it holds nothing but a password or no field."""
    never_kept = {"own_password", "set_password", "new_user", "inspector"}
    rules = {
        rule.endpoint.removeprefix("admin.")
        for rule in world.app.url_map.iter_rules()
        if {"GET", "POST"} <= rule.methods
        and gate.gate_of(world.app).find_policy(rule.endpoint).who is gate.Who.SIGNED_IN
    }

    worded = {name.removeprefix("admin.") for name in {*kept_act.LABELS, *kept_act.EVERYDAY}}

    assert rules - worded - never_kept == {"step_up"}


def test_who_may_not_see_a_thing_is_not_told_of_it(world: World):
    add_user(world, "victim")
    robot = sign_in_as(world, Role.SERVICE_OWNER, ("Shop",), is_stepped_up=False)
    carried = {"kept_action": "/admin/users/by-name/VICTIM/remove", "kept.x": "x"}

    known = robot.send(STEP_UP, password=PASSWORD, **carried)
    carried["kept_action"] = "/admin/users/by-name/VICTIM/edit"
    told = robot.send(STEP_UP, password=PASSWORD, **carried)

    assert (known.status_code, told.status_code) == (200, 200)
    assert "victim" not in known.text + told.text


def test_what_cannot_be_looked_up_leaves_the_session_as_it_is(world: World, owner: Member):
    """The cookie is another after the password: an answer without it would sign somebody out."""
    carried = {"kept_action": "/admin/services/2/remove", "kept.confirmed": "Shop"}

    with mock.patch.object(services, "find_service_by_id", side_effect=TemporarilyUnavailable("gone")):
        answer = owner.send(STEP_UP, password=PASSWORD, **carried)

    assert answer.status_code == 503
    assert owner.open("/admin").status_code == 200


def test_a_wrong_password_keeps_it_too(world: World, owner: Member):
    asked = owner.send(secret_path(world), label=LABEL)

    again = owner.send(STEP_UP, password="wrong", **dict(read_hidden(asked.text)))

    assert again.status_code == 422
    assert read_hidden(again.text) == read_hidden(asked.text)


def test_several_values_of_a_field_are_all_kept(world: World, owner: Member):
    world.add_audience("urn:orders", "read", "write")
    for scopes in (["read", "write"], ["write"]):
        asked = owner.send("/admin/services/2/remove", confirmed="Shop", scope=scopes)

        kept = [value for name, value in read_hidden(asked.text) if name == "kept.scope"]
        assert kept == scopes


def test_what_takes_a_typed_name_is_confirmed_once(world: World, owner: Member):
    page = go_on(owner, "/admin/services/2/remove", confirmed="Shop")

    assert page is not None
    assert services.find_service(world.registrar, "Shop").state.value == "removed"


@pytest.mark.parametrize("name", sorted(kept_form.SECRETS))
def test_no_page_and_no_address_holds_a_secret(world: World, owner: Member, name: str):
    answer = owner.send(secret_path(world), label=LABEL, **{name: "hunter2-4711"})

    assert answer.status_code == 303
    assert "4711" not in answer.text + str(answer.headers)


def test_an_empty_password_is_no_secret(world: World, owner: Member):
    add_user(world, "victim")
    typed = {"role": "auditor", "services": "", "version": "1", "password": ""}

    go_on(owner, "/admin/users/by-name/victim/edit", **typed)

    assert users.find_user(world.registrar, "victim").role is Role.AUDITOR


def test_a_button_without_fields_leads_back_to_where_its_consequences_stand(world: World, owner: Member):
    add_user(world, "victim")

    answer = owner.send("/admin/users/by-name/victim/disable")

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{STEP_UP}?again=1")


@pytest.mark.parametrize("action", [
    "https://evil.example/admin/services/2/remove", "//evil.example", "/oauth/token", "/admin/../oauth/token",
    "/admin/keys", "/admin/nowhere", "", "javascript:alert(1)", "/",
])  # fmt: skip
def test_it_leads_to_no_address_that_takes_no_form_of_ours(owner: Member, action: str):
    carried = {"kept_action": action, "kept.confirmed": "Shop"}

    answer = owner.send(STEP_UP, password=PASSWORD, **carried)

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/admin"


@pytest.mark.parametrize("typed", [
    {"label": "x", "more": "x" * 40_000}, {f"field-{number}": "x" for number in range(101)},
], ids=["long", "many"])  # fmt: skip
def test_no_more_is_kept_than_a_form_of_ours_holds(world: World, owner: Member, typed: dict[str, str]):
    assert owner.send(secret_path(world), **typed).status_code == 303


def test_every_field_for_a_password_is_known_to_be_secret():
    names = {
        node.targets[0].id
        for path in Path(admin.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "PasswordField"
    }

    assert len(names) > 2
    assert names <= kept_form.SECRETS
