"""The inspector: what a pasted token is, who would accept it, and nothing of it kept."""

import base64
import html
import json

import pytest

from issuer.model.listing import ListQuery
from issuer.store import db
from issuer.store.listings import audit as audit_rows
from tests.oauth.world import World, watching_statements
from tests.pages import signed_in
from tests.pages.showroom import HOSTILE
from tests.pages.signed_in import Member

PATH = "/admin/inspector"
ORDERS, BILLING = "https://orders.example", "https://billing.example"


@pytest.fixture
def owner(open_world) -> Member:
    """Give an owner in a world of two services and a robot."""
    world: World = open_world()
    world.add_audience(ORDERS, "read", service="Orders")
    world.add_audience(BILLING, "pay", service="Billing")
    world.add_client("Robot", ORDERS, may_use_offline_access=True)
    world.look()
    return signed_in.sign_in_as(world, "owner")


@pytest.fixture
def token(owner: Member) -> str:
    """Give an access token for Orders."""
    return owner.world.ask(owner.world.clients["Robot"]).token


def inspect(visitor: Member, text: str, **fields: str) -> str:
    """Return the page of a pasted text, unescaped."""
    answer = visitor.send(PATH, token=text, **fields)
    assert answer.status_code == 200
    return html.unescape(answer.text)


def forge(token: str, **claims: object) -> str:
    """Return a token with other claims under the old signature."""
    header, payload, signature = token.split(".")
    said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    made = json.dumps({**said, **claims}).encode()
    return ".".join([header, base64.urlsafe_b64encode(made).rstrip(b"=").decode(), signature])


@pytest.mark.parametrize("role", signed_in.ROLES)
def test_every_role_may_inspect(owner: Member, token: str, role: str):
    visitor = signed_in.sign_in_as(owner.world, role)

    answer = visitor.send(PATH, token=token)

    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nobody_inspects_without_signing_in(owner: Member, method: str):
    answer = owner.world.send(method, PATH)

    assert answer.status == {"GET": 303, "POST": 400}[method]


def test_a_post_without_the_form_s_token_is_refused(owner: Member, token: str):
    answer = owner.ask("POST", PATH, data={"token": token})

    assert answer.status_code == 400
    assert token not in answer.text


def test_a_good_token_is_accepted_by_its_service_alone(owner: Member, token: str):
    text = inspect(owner, token)

    assert "1 service accepts it" in text
    assert text.count(">Accept</span>") == 1
    accepted = text.split(">Accept</span>")[1]
    assert accepted.lstrip().startswith(f'<span class="whom"><code>{ORDERS}</code>')


def test_only_what_some_service_accepts_is_green(owner: Member, token: str, clock):
    """A tired reader sees the colour first: a token that is over opens nothing."""
    assert '<section class="notice ok"' in inspect(owner, token)
    clock.step(3600)

    late = signed_in.sign_in_as(owner.world, name="late")

    assert '<section class="notice warn"' in inspect(late, token)


def test_each_other_service_says_why_not(owner: Member, token: str):
    text = inspect(owner, token)

    billing = next(part for part in text.split("<details")[1:] if f"<code>{BILLING}</code>" in part)
    assert f"{ORDERS} is the audience of another service, Orders" in billing
    assert f"ask for the token with resource={BILLING}" in billing
    names = ("parse", "typ", "alg", "kid", "signature", "iss", "aud", "exp", "iat", "claims", "revoked")
    places = [billing.index(f'scope="row">{name}</th>') for name in names]
    assert places == sorted(places)


def test_header_and_claims_are_told_in_plain_words(owner: Member, token: str):
    text = inspect(owner, token)

    for note in (
        "An access token (RFC 9068).",
        "A key of this issuer, active: it signs access tokens.",
        "This issuer.",
        f"{ORDERS}: of the service Orders, active.",
        "The client Robot, active.",
        "Good until: in 15 minutes, 2027-01-15 08:15:00 UTC; it lives for 15 min.",
    ):
        assert note in text


@pytest.mark.parametrize(
    ("claims", "note"),
    [
        ({"aud": "https://nobody.example"}, "https://nobody.example: registered to nobody."),
        ({"iss": "https://other.example"}, "Another issuer: this one is https://id.example."),
        ({"client_id": "stranger"}, "No client of this issuer."),
        ({"exp": 10**15}, "Not a time in whole seconds since 1970."),
        ({"exp": True}, "Not a time in whole seconds since 1970."),
        ({"sub": "somebody"}, "Whom it speaks of."),
        ({"color": "red"}, "A claim of the audience's own, or one unknown here."),
    ],
)
def test_a_claim_that_is_not_as_it_should_be_says_so(
    owner: Member, token: str, claims: dict[str, object], note: str
):
    assert note in inspect(owner, forge(token, **claims))


def test_a_near_miss_stands_first(owner: Member, token: str):
    text = inspect(owner, forge(token, aud=f"{BILLING}/"))

    concerned = text.split('aria-label="Whom it concerns"')[1].split("</section>")[0]
    assert f"<code>{BILLING}</code>" in concerned
    assert "only the trailing slash differs" in concerned
    assert "No service accepts it" in concerned
    assert f"<code>{ORDERS}</code>" not in concerned


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda token: token[:-20], "The token is cut off"),
        (lambda token: token.rsplit(".", 1)[0], "The token is cut off"),
        (lambda token: f"Bearer {token}", "the word Bearer"),
        (lambda token: token.replace(".", "%2E"), "percent-encoding"),
        (lambda token: base64.b64encode(token.encode()).decode(), "a second encoding in base64"),
        (lambda token: f"{token}==", "padding"),
        (lambda token: forge(token, iss="https://other.example"), "A token of another issuer"),
        (lambda token: forge(token, sub="admin"), "Header or claims were altered after signing"),
        (lambda _: "ey" + "x" * 70_000, "longer than any token"),
        (lambda _: "hello", "opaque text"),
    ],
    ids=["cut", "unsigned", "bearer", "percent", "twice", "padded", "foreign", "altered", "long", "opaque"],
)
def test_what_is_wrong_with_a_text_is_said(owner: Member, token: str, spoil, says: str):
    assert says in inspect(owner, spoil(token))


def test_a_refresh_token_is_for_the_token_endpoint_alone(owner: Member):
    answer = owner.world.ask(owner.world.clients["Robot"], scope="offline_access read")

    text = inspect(owner, answer.json["refresh_token"])

    assert "<strong>Refresh token</strong>" in text
    assert "it signs refresh tokens, and is never published" in text
    assert "The token endpoint takes it, and no service" in text
    assert text.count(">Accept</span>") == 1
    assert 'aria-label="Libraries"' not in text


def test_a_spent_refresh_token_is_said_to_be_spent(owner: Member):
    robot = owner.world.clients["Robot"]
    spent = owner.world.ask(robot, scope="offline_access read").json["refresh_token"]
    owner.world.ask(robot, grant_type="refresh_token", refresh_token=spent)

    text = inspect(owner, spent)

    assert "Not even the token endpoint takes it" in text
    assert "The refresh token is spent: use its successor; sending this one ends the family." in text


@pytest.mark.parametrize(
    "text", ["isr_" + "a" * 43, '{"kty":"RSA","d":"abc","n":"x"}', "s3cr3t-without-form"]
)
def test_what_may_be_a_secret_does_not_come_back(owner: Member, text: str):
    assert text not in inspect(owner, text)


def test_nothing_of_a_token_is_kept(owner: Member, token: str):
    size = owner.world.log_size()
    with db.reading(owner.world.parts.engine) as connection:
        before = audit_rows.list_page(connection, ListQuery()).total

    answer = owner.send(PATH, token=token)

    with db.reading(owner.world.parts.engine) as connection:
        assert audit_rows.list_page(connection, ListQuery()).total == before
    assert owner.world.lines(size) == []
    assert all(token not in value for value in answer.headers.values())


def test_an_empty_text_is_refused_at_its_field(owner: Member):
    answer = owner.send(PATH, token="")

    assert answer.status_code == 422
    assert '<a href="#token">Token</a>: Paste a token.' in answer.text


def test_a_form_that_is_too_large_is_a_page(owner: Member):
    answer = owner.send(PATH, token="x" * 300_000)

    assert answer.status_code == 413


@pytest.mark.parametrize("after", ["-1", "x", "9999999999999999999999"])
def test_a_place_that_is_none_is_refused(owner: Member, token: str, after: str):
    assert owner.send(PATH, token=token, after=after).status_code == 422


def test_hostile_words_of_a_token_are_harmless(owner: Member, token: str):
    answer = owner.send(PATH, token=forge(token, aud=HOSTILE, sub="\u202egnp\x00", **{HOSTILE: HOSTILE}))

    assert answer.status_code == 200
    assert "<script>alert" not in answer.text
    assert "\u202e" not in answer.text


def test_the_other_services_come_page_by_page_and_can_be_searched(owner: Member, token: str):
    for number in range(30):
        owner.world.add_audience(f"https://a{number:02d}.example", service=f"Service {number:02d}")

    first, second = inspect(owner, token), inspect(owner, token, after="25")
    sought = inspect(owner, token, q="service 07")

    assert "25 of 33" in first
    assert "33 of 33" in second
    assert "https://a29.example" not in first
    assert "https://a29.example" in second
    others = sought.split('id="others"')[1].split("aria-label")[0]
    assert others.count("<details") == 1
    assert "https://a07.example" in others


def test_the_libraries_that_would_let_it_pass_are_named(owner: Member, token: str):
    text = inspect(owner, token)

    rows = text.split('aria-label="Libraries"')[1].split("<tr")
    said = {row.split('scope="row">')[1].split(" <span")[0]: row for row in rows if 'scope="row"' in row}
    assert ">Accepts<" in said["jose"]
    assert ">Accepts<" not in said["PyJWT"]
    assert said["firebase/php-jwt"].count(">Accepts<") == 2
    assert "By default it takes typ JWT only." in said["Spring Security"]


def test_of_a_token_that_is_not_ours_no_library_is_judged(owner: Member, token: str):
    assert 'aria-label="Libraries"' not in inspect(owner, forge(token, sub="x"))


def test_all_spellings_are_read_anew_only_after_a_change_of_the_registry(owner: Member, token: str):
    read = []

    for is_changed in (False, False, True, False):
        if is_changed:
            owner.world.add_audience("https://new.example")
        with watching_statements(owner.world.parts.engine) as statements:
            inspect(owner, token)
        read.append(any("FROM identifier JOIN audience" in " ".join(one.split()) for one in statements))

    assert read == [True, False, True, False]
