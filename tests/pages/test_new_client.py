"""A new client: what is offered, what is refused, the secret shown once, and once for one form."""

import re
import shlex

import pytest

from issuer.model.client import AuthMethod, ClientType, GrantType
from issuer.registry import clients, permissions
from tests.oauth.world import ON_BOTH_DATABASES, Credentials
from tests.pages.client_town import BILLING, ORDERS, Town, town

__all__ = ["town"]

NEW = "/admin/clients/new"
GIVEN = {"name": "Night report", "kind": "service", "auth_method": "client_secret_basic", "act": "register"}


def form_id_of(page: str) -> str:
    """Return the id that a form bears."""
    return re.search(r'name="form_id" type="hidden" value="([a-z2-7]{8})"', page).group(1)


def secret_of(page: str) -> str:
    """Return the secret that a page shows."""
    return re.search(r'<code title="(isr_[^"]+)"', page).group(1)


@pytest.fixture
def send(town: Town):
    """Give the function that sends the form: of a new id unless one is given."""

    def run(**fields):
        form_id = fields.pop("form_id", None) or form_id_of(town.owner.open(NEW).text)
        return town.owner.send(NEW, form_id=form_id, **{**GIVEN, **fields})

    return run


def made(town: Town):
    """Return the clients but the town's own."""
    return [
        one for one in clients.list_clients(town.world.registrar) if one.client_id != town.robot.client_id
    ]


def test_the_form_offers_what_there_is_and_says_what_there_is_not(town: Town):
    page = town.owner.open(NEW).text

    offered = re.findall(r'name="kind" value="(\w+)"[^>]*?( disabled)?>', page)
    assert dict(offered) == {"service": "", "web": "", "device": "", "mcp": "", "native": " disabled"}
    assert "People cannot sign in through this issuer yet." in page
    assert 'value="authorization_code"' not in page
    assert re.findall(r'name="auth_method"[^>]*value="(\w+)"', page) == [
        "client_secret_basic",
        "client_secret_post",
    ]
    assert 'value="refresh"' not in page


def test_a_client_is_registered_with_all_that_was_said(town: Town, send):
    answer = send(
        kind="mcp",
        auth_method="client_secret_post",
        may_use_offline_access="y",
        service="Orders",
        tenant_id="acme",
        access_token_max_seconds="120",
        audience=[BILLING, ORDERS],
        scope=[f"{ORDERS} read"],
        default=ORDERS,
    )

    (client,) = made(town)
    linked = town.audience_id(ORDERS)
    assert answer.status_code == 201
    assert (client.name, client.type, client.auth_method) == (
        "Night report",
        ClientType.MCP,
        AuthMethod.CLIENT_SECRET_POST,
    )
    assert client.grant_types == {GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN}
    assert (client.tenant_id, client.access_token_max_seconds, client.default_audience) == (
        "acme",
        120,
        linked,
    )
    held = permissions.list_permissions(town.world.registrar, client.client_id)
    assert {one.audience.identifier: one.scopes for one in held} == {
        ORDERS: frozenset({"read"}),
        BILLING: frozenset(),
    }


def test_the_secret_is_shown_once_and_works(town: Town, send):
    answer = send(scope=f"{ORDERS} read")
    secret = secret_of(answer.text)
    (client,) = made(town)

    pages = [
        town.owner.open(f"/admin/clients/{client.client_id}{path}").text for path in ("", "/credentials")
    ]

    assert answer.headers["Cache-Control"] == "no-store"
    assert "Location" not in answer.headers
    assert not any(secret in page for page in pages)
    town.world.look()
    token = town.world.ask(Credentials(client.client_id, secret), resource=ORDERS)
    assert (token.status, token.json["scope"]) == (200, "read")
    assert secret not in town.world.log_path.read_text()


@pytest.mark.parametrize("method", AuthMethod)
@pytest.mark.parametrize(("identifier", "parameter"), [(ORDERS, "resource"), ("plain-name", "audience")])
def test_the_curl_line_is_one_that_works(
    town: Town, send, method: AuthMethod, identifier: str, parameter: str
):
    town.world.add_audience("plain-name")
    page = send(audience=identifier, auth_method=method.value).text
    (line,) = re.findall(r'data-copy="(curl [^"]+)"', page)
    words = shlex.split(line.replace("&#39;", "'"))

    assert words[:3] == ["curl", "-sS", "https://id.example/oauth/token"]
    (client,) = made(town)
    parameters = dict(
        words[place + 1].split("=", 1)
        for place, word in enumerate(words)
        if word in {"-d", "--data-urlencode"}
    )
    assert parameters.pop(parameter) == identifier
    assert parameters.pop("grant_type") == "client_credentials"
    if method is AuthMethod.CLIENT_SECRET_POST:
        assert parameters == {"client_id": client.client_id, "client_secret": secret_of(page)}
    else:
        assert words[words.index("-u") + 1] == f"{client.client_id}:{secret_of(page)}"


def test_without_an_audience_no_line_is_shown_that_would_be_refused(send):
    page = send().text

    assert "curl" not in page
    assert "may not ask for any audience yet" in page


def test_the_same_form_sent_again_registers_nothing_and_says_so(town: Town, send):
    form_id = form_id_of(town.owner.open(NEW).text)
    first = send(form_id=form_id)

    second = send(form_id=form_id)

    assert (first.status_code, second.status_code) == (201, 409)
    assert "This form was sent already" in second.text
    assert secret_of(first.text) not in second.text
    assert len(made(town)) == 1


def test_the_file_of_variables_comes_from_the_secret_that_the_form_brings(town: Town, send):
    page = send(audience=ORDERS)
    secret = secret_of(page.text)
    (client,) = made(town)
    address = f"/admin/clients/{client.client_id}/env"

    answer = town.owner.send(address, secret=secret)

    assert answer.text.splitlines() == [
        "OAUTH_ISSUER=https://id.example",
        "OAUTH_TOKEN_ENDPOINT=https://id.example/oauth/token",
        f"OAUTH_CLIENT_ID={client.client_id}",
        f"OAUTH_CLIENT_SECRET={secret}",
        f"OAUTH_RESOURCE={ORDERS}",
    ]
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{client.client_id}.env"'
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    for wrong in ("", "isr_wrong", "x" * 300, town.robot.secret):
        assert town.owner.send(address, secret=wrong).status_code == 400


def test_a_search_keeps_what_was_typed_and_ticked_and_registers_nothing(town: Town, send):
    answer = send(
        act="search", q="bill", name="Typed", kind="device", audience=ORDERS, scope=f"{ORDERS} write"
    )

    page = answer.text
    assert (answer.status_code, made(town)) == (200, [])
    assert 'value="Typed"' in page
    assert re.search(r'value="device"[^>]*checked', page)
    assert re.search(rf'value="{ORDERS}"[^>]*checked', page)
    assert re.search(rf'value="{ORDERS} write"[^>]*checked', page)
    assert not re.search(rf'value="{ORDERS} read"[^>]*checked', page)
    assert re.search(rf'name="audience" value="{BILLING}"', page)


def test_a_default_can_be_chosen_at_once(town: Town):
    """Who ticks two and registers without searching would get a client whose unnamed requests are refused."""
    page = town.owner.open("/admin/clients/new").text

    field = re.search(r'<select id="default" name="default".*?</select>', page, re.DOTALL).group()
    assert {"", ORDERS, BILLING} <= set(re.findall(r'value="([^"]*)"', field))
    assert "selected" not in field
    assert "each request must name one" in page


def test_a_default_that_a_search_does_not_find_stays_chosen(town: Town, send):
    page = send(act="search", q="nothing like it", default=BILLING).text

    assert f'<option value="{BILLING}" selected>' in page


def test_the_first_audiences_of_many_are_offered_and_the_rest_is_found(town: Town, send):
    for number in range(12):
        town.world.add_audience(f"urn:many:{number:02d}")

    first = town.owner.open(NEW).text
    found = send(act="search", q="many:11").text

    assert first.count('name="audience"') == 8
    assert "There are more." in first
    assert 'value="urn:many:11"' in found
    assert found.count('name="audience"') == 1
    assert "No other active audience" in send(act="search", q="<b>").text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "This is needed."),
        ({"name": "n" * 101}, "The name has at most 100 characters."),
        ({"name": "a\u202eb"}, "The name holds the control character U+202E."),
        ({"name": "a\x00b"}, "The name holds the control character U+0000."),
        ({"kind": "native"}, "Not a valid choice"),
        ({"kind": "", "name": "x"}, "Not a valid choice"),
        ({"auth_method": "none"}, "Not a valid choice"),
        ({"service": "Nowhere"}, "No service Nowhere is registered"),
        ({"service": "This issuer"}, "that is the issuer itself"),
        ({"service": "a\x00b"}, "The service holds the control character U+0000."),
        ({"tenant_id": " a"}, "The tenant begins or ends with a space."),
        ({"access_token_max_seconds": "many"}, "Give a whole number, in digits alone."),
        ({"access_token_max_seconds": "1"}, "The cap of an access token"),
        ({"audience": "https://service.example"}, "No audience https://service.example"),
        ({"scope": f"{ORDERS} unknown"}, "defines no scope unknown"),
        ({"audience": "refresh"}, "nobody may ask for it"),
        ({"audience": ORDERS, "default": BILLING}, "not one of those"),
        ({"form_id": "NOT-OURS"}, "not an id that a form of ours bears"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else "",
)
def test_each_refusal_stands_in_the_form_and_what_was_typed_is_kept(town: Town, send, fields, said: str):
    answer = send(**{"tenant_id": "kept-tenant", "audience": ORDERS, **fields})

    assert answer.status_code == 422
    assert said in answer.text.replace("&#39;", "'")
    assert made(town) == []
    if "tenant_id" not in fields:
        assert 'value="kept-tenant"' in answer.text
    if fields.get("audience", ORDERS) == ORDERS:
        assert re.search(rf'value="{ORDERS}"[^>]*checked', answer.text)


@pytest.mark.parametrize(
    "fields",
    [
        {"audience": ["a b"]},
        {"audience": ["a\x00b"]},
        {"audience": ["x" * 256]},
        {"scope": [" read"]},
        {"audience": [f"urn:n:{number}" for number in range(51)]},
        {"q": "x" * 256},
        {"q": "a\x00"},
        {"audience": ORDERS, "default": "a\x00b"},
    ],
    ids=lambda fields: str(fields)[:30],
)
def test_what_the_form_cannot_send_is_refused(town: Town, send, fields):
    assert send(**fields).status_code == 400
    assert made(town) == []


def test_hostile_text_comes_back_as_text(send):
    page = send(name="<script>alert(1)</script>" * 9, service='"><script>x</script>', q="<script>").text

    assert "<script>alert" not in page
    assert "<script>x" not in page


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"service": "Nowhere"}, "service"),
        ({"service": "This issuer"}, "service"),
        ({"access_token_max_seconds": "1"}, "access_token_max_seconds"),
        ({"audience": "https://service.example"}, None),
    ],
)
def test_what_the_registry_refuses_stands_at_its_field(send, fields, field: str | None):
    page = send(**fields).text

    at = re.findall(r'class="error" id="(\w+)-error"', page)
    assert at == ([] if field is None else [field])
    assert page.count('role="alert"') == 1


@ON_BOTH_DATABASES
@pytest.mark.parametrize("form_id", ["a\x00b", "\U0001f916", "x" * 3000])
def test_a_form_id_that_no_form_of_ours_bears_is_refused(town: Town, send, form_id: str):
    answer = send(form_id=form_id)

    assert (answer.status_code, "not an id that a form of ours bears" in answer.text) == (422, True)
    assert made(town) == []
