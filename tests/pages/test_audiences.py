"""Audiences in the console: the list, a new one, and what would stand in its tokens."""

import csv
import html
import io
import json
import re

import pytest

from issuer.model.audience import TokenTyp
from issuer.model.user import Role
from issuer.registry import audiences, services
from tests.oauth.world import World
from tests.pages.signed_in import Member, sign_in_as

LIST = "/admin/audiences"
NEW = "/admin/audiences/new"
ORDERS = "https://orders.example"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
TYPED = {
    "identifier": ORDERS,
    "service": "",
    "service_name": "Orders",
    "signing_alg": "RS256",
    "typ": "at+jwt",
}


@pytest.fixture
def world(open_world) -> World:
    return open_world()


@pytest.fixture
def owner(world: World) -> Member:
    return sign_in_as(world, Role.OWNER)


def find(world: World, identifier: str = ORDERS):
    return audiences.find_audience(world.registrar, identifier)


def count(world: World) -> int:
    return len(audiences.list_audiences(world.registrar))


def test_the_reserved_audiences_are_in_the_list(owner: Member):
    page = owner.open(LIST).text

    assert page.count(">Reserved<") == 3


def test_a_row_tells_what_an_audience_is(world: World, owner: Member):
    world.add_audience(ORDERS, "read", "write", service="Orders", typ=TokenTyp.JWT, access_token_seconds=600)
    world.add_client("Robot", ORDERS)

    page = owner.open(f"{LIST}?service=Orders").text

    for shown in (ORDERS, "Orders", "team", "Active", "10 min", "1 warning", f'data-copy="{ORDERS}"'):
        assert shown in page
    assert re.search(r'data-label="Scopes" class="number">2<', page)
    assert re.search(r'data-label="Clients" class="number">1<', page)


def test_the_list_is_filtered_by_a_finding(world: World, owner: Member):
    world.add_audience("urn:scoped", "read", service="Other")

    text = owner.open(f"{LIST}?finding=no-scopes").text

    assert 'value="no-scopes" selected' in text
    assert "urn:scoped" not in text
    assert owner.open(f"{LIST}/export?finding=no-scopes&format=csv").text.count("urn:scoped") == 0


def test_filters_and_search_leave_rows_out(world: World, owner: Member):
    world.add_audience(ORDERS, service="Orders")
    world.add_audience("https://billing.example", service="Billing")
    audiences.disable_audience(world.registrar, ORDERS)

    assert "billing.example" not in owner.open(f"{LIST}?state=disabled").text
    assert ORDERS not in owner.open(f"{LIST}?service=Billing").text
    assert ORDERS in owner.open(f"{LIST}?q=ORDERS").text
    assert "No audiences like that" in owner.open(f"{LIST}?q=nothing-is-called-so").text


@pytest.mark.parametrize(
    "query", ["sort=password", "after=forged", "state=unheard", "service=Nobodys", "q=%00"]
)
def test_what_no_page_links_to_is_refused(owner: Member, query: str):
    assert owner.open(f"{LIST}?{query}").status_code == 400


def test_exports_hold_what_the_list_shows(world: World, owner: Member):
    world.add_audience(ORDERS, "read", service="Orders")

    as_csv = owner.open(f"{LIST}/export?format=csv&service=Orders")
    as_json = owner.open(f"{LIST}/export?format=json&q=orders.example")

    (row,) = csv.DictReader(io.StringIO(as_csv.text))
    assert (row["identifier"], row["scopes"]) == (ORDERS, "read")
    assert [each["identifier"] for each in json.loads(as_json.text)] == [ORDERS]


def test_an_audience_and_its_service_come_from_one_form(world: World, owner: Member):
    answer = owner.send(NEW, act="add", **TYPED)

    audience = find(world)
    assert (answer.status_code, answer.location) == (303, f"{LIST}/{audience.id}")
    assert (audience.service.name, audience.service.owner) == ("Orders", "owner")
    assert (audience.policy.typ, audience.policy.access_token_seconds) == (TokenTyp.AT_JWT, None)


def test_an_audience_with_everything_is_registered(world: World, owner: Member):
    world.add_service("Shop")
    fields = {
        "service": "Shop",
        "service_name": "",
        "description": "Takes orders",
        "scopes": "orders:write Change orders\r\norders:read\r\n",
        "access_token_seconds": "600",
        "refresh_idle_seconds": "3600",
        "refresh_absolute_seconds": "7200",
        "signing_alg": "ES256",
        "typ": "JWT",
        "extra_claims": '{"region": "eu"}',
    }

    owner.send(NEW, act="add", **{**TYPED, **fields})

    audience = find(world)
    assert (audience.service.name, audience.description) == ("Shop", "Takes orders")
    assert [(one.name, one.description) for one in audience.scopes] == [
        ("orders:read", ""),
        ("orders:write", "Change orders"),
    ]
    policy = audience.policy
    assert (policy.access_token_seconds, policy.refresh_idle_seconds) == (600, 3600)
    assert (policy.signing_alg.value, policy.typ.value) == ("ES256", "JWT")
    assert policy.extra_claims == {"region": "eu"}


@pytest.mark.parametrize(
    ("fields", "said", "where"),
    [
        ({"identifier": ""}, "This is needed.", "identifier"),
        ({"identifier": "https://x.example/#part"}, "no fragment", "identifier"),
        ({"identifier": "a b"}, "no space", "identifier"),
        ({"identifier": "x" * 256}, "255", "identifier"),
        ({"identifier": "access"}, "reserved for the issuer", "identifier"),
        ({"identifier": "https://id.example/x"}, "own URL", "identifier"),
        ({"identifier": "https://taken.example/"}, "is registered", "identifier"),
        ({"identifier": "HTTPS://taken.EXAMPLE"}, "is registered", "identifier"),
        ({"service_name": ""}, "the name is empty", "service_name"),
        ({"service_name": "Taken"}, "never given again", "service_name"),
        ({"service_name": "a\u202eb"}, "U+202E", "service_name"),
        ({"service": "Nobody"}, "Not a valid choice", "service"),
        ({"scopes": 'with"quote'}, "scope", "scopes"),
        ({"scopes": "read\nread"}, "stands twice", "scopes"),
        ({"access_token_seconds": "5"}, "10 to 86400 seconds", "access_token_seconds"),
        ({"access_token_seconds": "90000"}, "10 to 86400 seconds", "access_token_seconds"),
        ({"access_token_seconds": "soon"}, "Give a whole number, in digits alone.", "access_token_seconds"),
        ({"refresh_idle_seconds": "9"}, "idle life", "refresh_idle_seconds"),
        ({"extra_claims": "{"}, "no JSON object", "extra_claims"),
        ({"extra_claims": "[1]"}, "no JSON object", "extra_claims"),
        ({"extra_claims": "[" * 20_000}, "no JSON object", "extra_claims"),
        ({"extra_claims": '{"aud": "x"}'}, "written by the issuer alone", "extra_claims"),
        ({"description": "x\x00"}, "U+0000", "description"),
    ],
)
def test_what_cannot_be_an_audience_is_refused_at_its_field(
    world: World, owner: Member, fields: dict[str, str], said: str, where: str
):
    world.add_audience("https://taken.example", service="Taken")
    before = count(world)

    answer = owner.send(NEW, act="add", **{**TYPED, "owner": "typed by me", **fields})

    assert answer.status_code == 422
    error = re.search(rf'id="{where}-error"><span>(.*?)</span>', answer.text)
    assert error, f"nothing is said at {where}"
    assert said.lower() in error.group(1).lower()
    assert 'value="typed by me"' in answer.text
    assert count(world) == before
    assert len(services.list_services(world.registrar)) == 2


def test_checking_shows_lint_and_token_and_registers_nothing(world: World, owner: Member):
    before = count(world)

    answer = owner.send(
        NEW, act="check", **{**TYPED, "identifier": "http://orders.example", "scopes": "read"}
    )

    assert answer.status_code == 200
    assert "http" in answer.text
    assert "&#34;aud&#34;: &#34;http://orders.example&#34;" in answer.text
    assert "&#34;scope&#34;: &#34;read&#34;" in answer.text
    assert count(world) == before


def test_typing_is_answered_with_a_fragment(world: World, owner: Member):
    world.add_audience("https://orders.example/", service="Shop")

    answer = owner.send(f"{LIST}/check", **{**TYPED, "identifier": "http://orders.example"})

    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert "twin-spelling" in answer.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"identifier": ""}, "Type an identifier"),
        ({"identifier": "https://x.example/#a"}, "not-registrable"),
        ({"identifier": "access"}, "not-registrable"),
        ({"identifier": HOSTILE}, "not-registrable"),
        ({"extra_claims": "{"}, "Not yet: this is no JSON object"),
        ({"signing_alg": "none"}, "Not yet: this algorithm or typ cannot be chosen"),
        ({"typ": "1"}, "Not yet: this algorithm or typ cannot be chosen"),
        ({"typ": "JWT"}, "typ-jwt"),
        ({"access_token_seconds": "7200"}, "lifetime-over-an-hour"),
    ],
)
def test_each_draft_is_told_what_becomes_of_it(owner: Member, fields: dict[str, str], said: str):
    answer = owner.send(f"{LIST}/check", **{**TYPED, **fields})

    assert answer.status_code == 200
    assert said in answer.text
    assert "<script>alert" not in answer.text


@pytest.mark.parametrize(
    ("preset", "shown"),
    [
        ("internal", "https://orders.internal.example"),
        ("public", 'value="300"'),
        ("mcp", "https://mcp.example.com/mcp"),
        ("legacy", '<option selected value="JWT">'),
    ],
)
def test_a_preset_fills_the_form(owner: Member, preset: str, shown: str):
    assert shown in owner.open(f"{NEW}?preset={preset}").text


def value_of(page: str, name: str) -> str:
    """Return what a field of a page holds: a text, or the choice that is selected, "" for none."""
    field = re.search(rf'<input[^>]* name="{name}"[^>]*>', page)
    if field:
        return html.unescape(re.search(r'value="([^"]*)"', field[0])[1])
    choice = re.search(rf'<select[^>]* name="{name}".*?</select>', page, re.DOTALL)[0]
    return (re.findall(r'<option selected value="([^"]*)"', choice) or [""])[0]


def test_choosing_a_preset_keeps_what_was_typed_and_registers_nothing(world: World, owner: Member):
    before = count(world)

    answer = owner.send(NEW, preset="public", **{**TYPED, "refresh_idle_seconds": "86400"})

    assert answer.status_code == 200
    assert "not accepted" not in answer.text
    assert value_of(answer.text, "identifier") == TYPED["identifier"]
    assert value_of(answer.text, "refresh_idle_seconds") == "86400"
    assert value_of(answer.text, "access_token_seconds") == "300"
    assert f'action="{NEW}?preset=public"' in answer.text
    assert re.findall(r'name="preset" value="(\w+)" aria-pressed="true"', answer.text) == ["public"]
    assert count(world) == before


@pytest.mark.parametrize(
    ("begun", "seconds", "chosen", "shown"),
    [
        ("public", "300", "internal", ""),
        ("public", "300", "mcp", "600"),
        ("public", "120", "internal", "120"),
        ("public", "120", "mcp", "600"),
        ("public", "many", "mcp", "600"),
        ("internal", "300", "legacy", "300"),
        ("legacy", "300", "internal", "300"),
    ],
)
def test_what_a_preset_put_there_goes_with_it(
    owner: Member, begun: str, seconds: str, chosen: str, shown: str
):
    """And nothing that was typed, unless the next one says otherwise."""
    sent = {"identifier": "https://x.example", "access_token_seconds": seconds}

    answer = owner.send(f"{NEW}?preset={begun}", preset=chosen, **sent)

    assert value_of(answer.text, "access_token_seconds") == shown
    assert value_of(answer.text, "typ") == ("JWT" if chosen == "legacy" else "")


def test_a_preset_that_there_is_not_is_refused(owner: Member):
    assert owner.open(f"{NEW}?preset=best").status_code == 400
    assert owner.send(NEW, preset="best", **TYPED).status_code == 400


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SERVICE_OWNER])
def test_who_may_register_nothing_is_refused(world: World, role: Role):
    world.add_service("Orders")
    visitor = sign_in_as(world, role, ("Orders",) if role is Role.SERVICE_OWNER else ())

    assert NEW not in visitor.open(LIST).text
    assert visitor.open(NEW).status_code == 403
    assert visitor.send(NEW, act="add", **TYPED).status_code == 403
    assert visitor.send(f"{LIST}/check", **TYPED).status_code == 403
    assert count(world) == 3


def test_a_form_without_its_token_is_refused(world: World, owner: Member):
    answer = owner.ask("POST", NEW, data={"act": "add", **TYPED})

    assert answer.status_code == 400
    assert count(world) == 3
