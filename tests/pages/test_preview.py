"""The preview: what a client would get and by whose word, or why not; all of it in the address."""

import html
import json
import re
import shlex
from urllib.parse import urlencode

import pytest

from issuer.model.client import AuthMethod, GrantType
from issuer.registry import audiences, clients
from issuer.registry.clients import ClientChange
from tests.oauth.world import World, watching_statements
from tests.pages import signed_in
from tests.pages.showroom import HOSTILE
from tests.pages.signed_in import Member

PATH = "/admin/preview"
ORDERS, BILLING = "https://orders.example", "https://billing.example"


@pytest.fixture
def owner(open_world) -> Member:
    """Give an owner in a world of two services, a robot, a buyer and a client that may do nothing."""
    world: World = open_world()
    world.add_audience(ORDERS, "read", "write", service="Orders", access_token_seconds=600)
    world.add_audience(BILLING, "pay", service="Billing", extra_claims={"region": "eu"})
    world.add_client("Robot", ORDERS, tenant_id="acme", may_use_offline_access=True)
    world.add_client("Buyer", ORDERS, BILLING, access_token_max_seconds=60)
    world.add_client("Idle")
    world.look()
    return signed_in.sign_in_as(world, "owner")


def read(visitor: Member, client: str, **query: object) -> str:
    """Return the preview of a client by its name, unescaped; values may be lists."""
    known = visitor.world.clients.get(client)
    asked = {"client_id": known.client_id if known else client, **query}
    answer = visitor.open(f"{PATH}?{urlencode(asked, doseq=True)}")
    assert answer.status_code == 200
    return html.unescape(answer.text)


def parts(text: str) -> dict[str, tuple[object, str]]:
    """Return the value and the origin of each member that a page shows."""
    found = re.findall(
        r'<dt><code>(.*?)</code></dt><dd><code>(.*?)</code>(?:<p class="whose">(.*?)</p>)?</dd>', text
    )
    return {name: (json.loads(value), origin) for name, value, origin in found}


def answer_of(text: str) -> dict[str, object]:
    """Return the body of the token endpoint's answer that a page shows."""
    return json.loads(re.search(r"<pre[^>]*><code>(.*?)</code>", text, re.DOTALL).group(1))


@pytest.mark.parametrize("role", signed_in.ROLES)
def test_every_role_may_preview(owner: Member, role: str):
    visitor = signed_in.sign_in_as(owner.world, role)

    assert "A token for https://orders.example" in read(visitor, "Robot")


def test_a_link_survives_signing_in(owner: Member):
    answer = owner.world.send("GET", f"{PATH}?client_id=x&resource=https://orders.example")

    assert answer.status == 303
    assert "client_id%3Dx%26resource%3D" in answer.headers["Location"]


def test_the_empty_page_offers_the_clients(owner: Member):
    text = html.unescape(owner.open(PATH).text)

    assert "Nothing asked yet" in text
    assert f'<option value="{owner.world.clients["Robot"].client_id}">Robot</option>' in text


def offered(page: str, list_id: str) -> list[str]:
    """Return what a field of a page offers."""
    found = re.search(rf'<datalist id="{list_id}">(.*?)</datalist>', page)
    return re.findall(r'<option value="([^"]*)"', found[1]) if found else []


def test_the_clients_are_offered_after_a_preview_too(owner: Member):
    text = read(owner, "Robot")

    assert set(offered(text, "clients")) == {client.client_id for client in owner.world.clients.values()}
    assert 'list="clients"' in text


def test_the_audiences_of_a_client_are_offered(owner: Member):
    owner.world.add_audience("stock", "count", service="Stock")
    owner.world.add_client("Clerk", "stock", BILLING)
    owner.world.look()

    text = read(owner, "Clerk", audience="stock")

    assert offered(text, "resource-offered") == [BILLING]
    assert set(offered(text, "audience-offered")) == {"stock", BILLING}
    assert text.count('list="audience-offered"') == 2


@pytest.mark.parametrize("client", ["", "stranger", "Idle"])
def test_of_no_client_and_no_permission_nothing_is_offered(owner: Member, client: str):
    text = read(owner, client)

    assert "-offered" not in text


def test_of_many_audiences_the_first_hundred_are_offered(owner: Member):
    names = [f"https://n{number}.example" for number in range(105)]
    for name in names:
        owner.world.add_audience(name, service="Many")
    owner.world.add_client("Many", *names)
    owner.world.look()

    assert offered(read(owner, "Many"), "resource-offered") == names[:100]


def test_the_preview_is_what_the_token_endpoint_gives(owner: Member):
    robot = owner.world.clients["Robot"]
    issued = owner.world.ask(robot, resource=ORDERS, scope="read offline_access")

    text = read(owner, "Robot", resource=ORDERS, scope="read offline_access")

    shown = {name: value for name, (value, _) in parts(text).items()}
    assert shown.keys() == issued.claims.keys() | issued.token_header.keys()
    changing = {"jti", "family"}
    for name, value in {**issued.claims, **issued.token_header}.items():
        assert name in changing or shown[name] == value
    body = {**issued.json, "access_token": "…", "refresh_token": "…"}
    assert answer_of(text) == body


def test_each_part_says_whose_word_it_is(owner: Member):
    origins = {name: origin for name, (_, origin) in parts(read(owner, "Robot", resource=ORDERS)).items()}

    assert origins == {
        "alg": f"token policy of {ORDERS}",
        "typ": f"token policy of {ORDERS}",
        "kid": "the RS256 key that signs now",
        "iss": "setting ISSUER_URL",
        "sub": "client: it asks for itself",
        "aud": "request: resource",
        "client_id": "client",
        "scope": "permission: all its scopes, as neither request nor permission names defaults",
        "tenant_id": "client",
        "iat": "now",
        "exp": f"audience of {ORDERS}: 600 seconds from iat",
        "jti": "new for each token",
    }


@pytest.mark.parametrize(
    ("client", "query", "part", "origin"),
    [
        ("Robot", {}, "aud", "permission: the only audience that the client may ask for"),
        ("Buyer", {"scope": "pay"}, "aud", "request: the only permitted audience that defines the scopes"),
        ("Buyer", {"audience": ORDERS}, "aud", "request: audience"),
        (
            "Robot",
            {"resource": "https://ORDERS.example/"},
            "aud",
            "request: resource, in the spelling that is registered",
        ),
        ("Buyer", {"resource": ORDERS}, "exp", "client cap: 60 seconds from iat"),
        ("Buyer", {"resource": BILLING}, "region", f"extra claim of {BILLING}"),
        ("Robot", {"scope": "write"}, "scope", "request: scope"),
        (
            "Robot",
            {"scope": "offline_access"},
            "family",
            "request: offline_access gives a refresh token, which this one came with",
        ),
    ],
)
def test_the_rule_that_decided_is_named(
    owner: Member, client: str, query: dict[str, str], part: str, origin: str
):
    assert parts(read(owner, client, **query))[part][1] == origin


def test_the_default_of_a_client_is_named(owner: Member):
    buyer = owner.world.clients["Buyer"].client_id
    clients.change_client(owner.world.registrar, buyer, ClientChange(default_audience=BILLING))
    owner.world.look()

    value, origin = parts(read(owner, "Buyer"))["aud"]

    assert (value, origin) == (BILLING, "client: its default audience, as the request names none")


@pytest.mark.parametrize(
    ("client", "query", "code", "mend"),
    [
        ("Robot", {"resource": BILLING}, "invalid_target", f"It may ask for: {ORDERS}."),
        (
            "Robot",
            {"resource": f"{ORDERS[:-1]}"},
            "invalid_target",
            f"Ask for {ORDERS}, which the client may",
        ),
        (
            "Robot",
            {"audience": "nobody"},
            "invalid_target",
            "If nobody is registered, permit it to the client.",
        ),
        ("Buyer", {}, "invalid_target", "Name an audience in the request"),
        ("Buyer", {"resource": [ORDERS, BILLING]}, "invalid_target", "Ask for one token each"),
        ("Idle", {}, "invalid_target", "The client may ask for nothing yet"),
        ("Robot", {"scope": "reed"}, "invalid_scope", "did you mean read?"),
        ("Robot", {"scope": 'a"b'}, "invalid_scope", "Write scopes with single spaces"),
        (
            "Buyer",
            {"scope": "offline_access", "resource": ORDERS},
            "invalid_scope",
            "let the client have refresh tokens",
        ),
        ("stranger", {}, "invalid_client", "Compare the client_id with those in the list"),
    ],
)
def test_a_refusal_says_what_to_change(
    owner: Member, client: str, query: dict[str, object], code: str, mend: str
):
    text = read(owner, client, **query)

    assert f"Refused: {code}" in text
    assert answer_of(text)["error"] == code
    assert mend in text.split("What to change")[1]
    assert parts(text) == {}


def test_a_refusal_is_the_one_of_the_token_endpoint(owner: Member):
    refused = owner.world.ask(owner.world.clients["Robot"], resource=BILLING)

    text = read(owner, "Robot", resource=BILLING)

    assert answer_of(text) == refused.json
    assert f">{refused.status}</span>" in text
    assert f"'{BILLING}' is registered (active)" in text


def test_a_near_twin_in_the_directory_is_told(owner: Member):
    text = read(owner, "Idle", resource=f"{BILLING}/x/")

    assert "is not registered" in text
    assert f"'{BILLING}' is: only the scheme differs" in read(
        owner, "Idle", resource="http://billing.example"
    )


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        (
            lambda world, robot: clients.disable_client(world.registrar, robot),
            "Enable the client.",
        ),
        (lambda world, robot: clients.remove_client(world.registrar, robot), "never comes back"),
        (
            lambda world, robot: clients.change_client(
                world.registrar, robot, ClientChange(grant_types=frozenset({GrantType.REFRESH_TOKEN}))
            ),
            "use the grant type client_credentials",
        ),
        (lambda world, _: audiences.disable_audience(world.registrar, ORDERS), "It may ask for"),
    ],
    ids=["disabled", "removed", "grant", "audience"],
)
def test_what_was_changed_since_is_told(owner: Member, change, mend: str):
    change(owner.world, owner.world.clients["Robot"].client_id)
    owner.world.look()

    assert mend in read(owner, "Robot")


def test_the_curl_line_asks_the_same_and_holds_no_secret(owner: Member):
    robot = owner.world.clients["Robot"]

    text = read(owner, "Robot", resource=ORDERS, scope="read write")

    line = re.search(r'<div class="body command"><code>(.*?)</code>', text).group(1)
    assert shlex.split(line) == [
        *("curl", "-sS", "https://id.example/oauth/token", "-u", f"{robot.client_id}:$CLIENT_SECRET"),
        *("-d", "grant_type=client_credentials"),
        *("--data-urlencode", f"resource={ORDERS}", "--data-urlencode", "scope=read write"),
    ]
    assert robot.secret not in text


def test_a_client_that_authenticates_in_the_body_does_so_in_the_curl_line(owner: Member):
    owner.world.add_client("Poster", ORDERS, auth_method=AuthMethod.CLIENT_SECRET_POST)

    text = read(owner, "Poster")

    assert '--data-urlencode client_secret="$CLIENT_SECRET"' in text
    assert " -u " not in text


def test_what_is_asked_cannot_leave_the_curl_line_s_quotes(owner: Member):
    text = read(owner, "Robot", resource="https://x.example/';touch pwned;'", scope="$(id)")

    line = re.search(r'<div class="body command"><code>(.*?)</code>', text).group(1)
    assert "resource=https://x.example/';touch pwned;'" in shlex.split(line)
    assert "scope=$(id)" in shlex.split(line)
    assert "'scope=$(id)'" in line


@pytest.mark.parametrize(
    "query",
    [
        "client_id=a&client_id=b",
        "scope=a&scope=b",
        "client_secret=x",
        "grant_type=password",
        "subject=user",
        "resource=%00",
        "scope=%E2%80%AEx",
        "resource=" + "x" * 2001,
        "&".join(["resource=x"] * 21),
    ],
)
def test_what_no_page_of_ours_asks_is_refused(owner: Member, query: str):
    assert owner.open(f"{PATH}?{query}").status_code == 400


def test_hostile_words_are_harmless(owner: Member):
    query = urlencode(dict.fromkeys(("client_id", "resource", "audience", "scope"), HOSTILE))

    answer = owner.open(f"{PATH}?{query}")

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text


def test_nothing_is_signed_or_recorded(owner: Member):
    size = owner.world.log_size()

    read(owner, "Robot", resource=ORDERS)

    assert owner.world.lines(size) == []
    assert owner.world.usage() == set()


@pytest.mark.parametrize("client", ["", "stranger", "Robot"])
def test_the_page_takes_few_statements(owner: Member, client: str):
    # Of a client that asks for tokens the record is in memory.
    read(owner, client, resource=ORDERS)

    with watching_statements(owner.world.parts.engine) as statements:
        read(owner, client, resource=ORDERS)

    assert len([each for each in statements if each != "BEGIN"]) < 15
