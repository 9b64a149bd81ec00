"""What a client gets that asks for a token for itself, whole: status, headers, body, header, claims."""

import pytest
from sqlalchemy import update

from issuer.model.audience import SigningAlg, TokenTyp
from issuer.store import db as database
from issuer.store.tables import AudienceRow
from tests.oauth.world import ISSUER, Credentials, World, assert_headers

NOW = 1_800_000_000
ORDERS = "https://orders.example"


def test_the_answer_holds_the_token_its_type_its_life_and_its_scope_and_nothing_else(
    world: World, robot: Credentials
):
    """RFC 6749 §5.1; §4.4.3: no refresh token."""
    answer = world.ask(robot, resource=ORDERS)

    assert answer.status == 200
    assert answer.json == {
        "access_token": answer.token,
        "token_type": "Bearer",
        "expires_in": 900,
        "scope": "read write",
    }
    assert_headers(
        answer,
        {"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"},
    )


def test_the_claims_are_those_of_rfc_9068(world: World, robot: Credentials):
    """RFC 9068 §2.2."""
    answer = world.ask(robot, resource=ORDERS)

    assert world.verify(answer) == {
        "iss": ISSUER,
        "sub": robot.client_id,
        "aud": ORDERS,
        "client_id": robot.client_id,
        "iat": NOW,
        "exp": NOW + 900,
        "jti": answer.claims["jti"],
        "scope": "read write",
    }


def test_the_header_is_exactly_alg_typ_and_kid(world: World, robot: Credentials):
    """RFC 9068 §2.1; the kid is the RFC 7638 thumbprint that the JWKS names."""
    kids = {key["alg"]: key["kid"] for key in world.send("GET", "/.well-known/jwks.json").json["keys"]}

    answer = world.ask(robot, resource=ORDERS)

    assert answer.token_header == {"alg": "RS256", "typ": "at+jwt", "kid": kids["RS256"]}


def test_every_token_has_a_jti_of_its_own_of_128_bits(world: World, robot: Credentials):
    jtis = [world.ask(robot).claims["jti"] for _ in range(5)]

    assert len(set(jtis)) == 5
    assert {len(jti) for jti in jtis} == {22}


def test_scope_is_absent_from_answer_and_token_where_it_is_empty(world: World):
    world.add_audience("plain")
    client = world.add_client("Robot", "plain")

    answer = world.ask(client, audience="plain")

    assert set(answer.json) == {"access_token", "token_type", "expires_in"}
    assert "scope" not in answer.claims


def test_aud_is_an_array_for_several_audiences_in_order_of_registration(world: World):
    world.add_audience("https://a.example", "a")
    world.add_audience("https://b.example", "b")
    client = world.add_client("Robot", "https://a.example", "https://b.example")

    answer = world.ask(client, resource=["https://b.example", "https://a.example"])

    assert world.verify(answer)["aud"] == ["https://a.example", "https://b.example"]
    assert answer.json["scope"] == answer.claims["scope"] == "a b"


@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
def test_the_token_is_the_only_place_of_the_answer_that_names_an_audience(world: World, *, several: bool):
    world.add_audience("https://a.example")
    world.add_audience("https://b.example")
    client = world.add_client("Robot", "https://a.example", "https://b.example")

    answer = world.ask(client, resource=["https://a.example", "https://b.example"][: 1 + several])

    assert set(answer.json) == {"access_token", "token_type", "expires_in"}


def test_an_audience_of_typ_jwt_gets_tokens_of_typ_jwt(world: World):
    world.add_audience("old-verifier", typ=TokenTyp.JWT)
    client = world.add_client("Robot", "old-verifier")

    answer = world.ask(client, audience="old-verifier")

    assert answer.token_header["typ"] == "JWT"
    assert {"client_id", "jti"} <= set(world.verify(answer))


def test_an_audience_of_es256_gets_tokens_signed_so(world: World):
    world.add_audience("https://fast.example", signing_alg=SigningAlg.ES256)
    client = world.add_client("Robot", "https://fast.example")

    answer = world.ask(client)

    assert answer.token_header["alg"] == "ES256"
    assert world.verify(answer)["aud"] == "https://fast.example"


def test_the_tenant_of_a_client_stands_in_tenant_id_and_never_in_aud(world: World):
    world.add_audience(ORDERS)
    client = world.add_client("Robot", ORDERS, tenant_id="acme")

    answer = world.ask(client)

    assert answer.claims["tenant_id"] == "acme"
    assert answer.aud == ORDERS


def test_a_client_without_a_tenant_gets_no_tenant_id(world: World, robot: Credentials):
    assert "tenant_id" not in world.ask(robot).claims


def test_extra_claims_of_the_audience_stand_beside_ours(world: World):
    world.add_audience("hasura", extra_claims={"https://hasura.io/jwt/claims": {"x-hasura-role": "robot"}})
    client = world.add_client("Robot", "hasura")

    claims = world.ask(client).claims

    assert claims["https://hasura.io/jwt/claims"] == {"x-hasura-role": "robot"}
    assert claims["aud"] == "hasura"


def test_extra_claims_never_replace_ours_however_they_came_into_the_registry(
    world: World, robot: Credentials
):
    """No admin can register them; whoever writes to the database still cannot (Zitadel CVE-2024-29892)."""
    ours = ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope"]
    with database.writing(world.parts.engine) as connection:
        connection.execute(update(AudienceRow).values(extra_claims=dict.fromkeys(ours, "evil")))

    token = world.ask(robot)

    assert "evil" not in token.claims.values()
    assert token.aud == ORDERS


def test_extra_claims_of_several_audiences_are_merged(world: World):
    world.add_audience("https://a.example", extra_claims={"region": "eu", "a": 1})
    world.add_audience("https://b.example", extra_claims={"region": "eu", "b": [2]})
    client = world.add_client("Robot", "https://a.example", "https://b.example")

    claims = world.ask(client, resource=["https://a.example", "https://b.example"]).claims

    assert (claims["region"], claims["a"], claims["b"]) == ("eu", 1, [2])


def test_the_audience_says_how_long_a_token_lives(world: World):
    world.add_audience("short", access_token_seconds=60)
    client = world.add_client("Robot", "short")

    answer = world.ask(client)

    assert answer.json["expires_in"] == 60
    assert answer.claims["exp"] - answer.claims["iat"] == 60


def test_the_cap_of_the_client_shortens_a_token(world: World):
    world.add_audience("long", access_token_seconds=3600)
    client = world.add_client("Robot", "long", access_token_max_seconds=120)

    answer = world.ask(client)

    assert answer.json["expires_in"] == answer.claims["exp"] - NOW == 120


def test_the_maximum_of_the_server_shortens_a_token(open_world, short_cut: str):
    world = open_world(short_cut=short_cut)
    world.add_audience("long", access_token_seconds=3600)
    client = world.add_client("Robot", "long")
    world.parts.engine.dispose()
    later = open_world(short_cut=short_cut, access_token_max_seconds="600", access_token_seconds="300")

    answer = later.ask(client)

    assert answer.json["expires_in"] == answer.claims["exp"] - NOW == 600


def test_the_shortest_life_of_several_audiences_counts(world: World):
    world.add_audience("https://a.example", access_token_seconds=600)
    world.add_audience("https://b.example", access_token_seconds=60)
    client = world.add_client("Robot", "https://a.example", "https://b.example")

    answer = world.ask(client, resource=["https://a.example", "https://b.example"])

    assert answer.json["expires_in"] == 60


def test_the_token_speaks_of_the_time_at_which_it_was_asked_for(world: World, robot: Credentials, clock):
    world.ask(robot)
    clock.step(10)

    claims = world.ask(robot).claims

    assert (claims["iat"], claims["exp"]) == (NOW + 10, NOW + 910)
