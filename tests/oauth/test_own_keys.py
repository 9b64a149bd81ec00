"""An audience with a key of its own: who trusts that key alone accepts nothing that was signed for others."""

import jwt
import pytest

from issuer.errors import InvalidTarget
from issuer.jose import sealing, signing
from issuer.model.audience import SigningAlg
from issuer.model.signing_key import KeyPurpose
from issuer.registry import key_steps, key_withdrawal, own_keys
from issuer.store import db, signing_keys
from tests.oauth.holders import (
    BILLING,
    INACTIVE,
    INTROSPECT,
    ORDERS,
    add_holder,
    claims_of,
    header_of,
    present,
)
from tests.oauth.world import MASTER_KEY, Answer, Credentials, World, assert_refused

ALONE = "https://alone.example"
SHARED_SET = "/.well-known/jwks.json"


@pytest.fixture
def path(world: World) -> str:
    """Give the address of the key set of an audience with its own key; two others share the others'."""
    for identifier in (ORDERS, BILLING):
        world.add_audience(identifier, signing_alg=SigningAlg.ES256)
    audience = world.add_audience(ALONE, "read", signing_alg=SigningAlg.ES256)
    waits = key_steps.make_waits(world.parts.settings)
    own_keys.give(world.registrar, (MASTER_KEY,), ALONE, waits)
    world.look()
    return f"/.well-known/jwks/{audience.id}.json"


@pytest.fixture
def client(world: World, path: str) -> Credentials:
    made = world.add_client("Robot", ORDERS, BILLING, ALONE)
    world.look()
    return made


def ask(world: World, client: Credentials, *resources: str) -> Answer:
    return world.ask(client, grant_type="client_credentials", resource=list(resources))


def kids(world: World, path: str) -> list[str]:
    return [key["kid"] for key in world.send("GET", path).json["keys"]]


def verify(world: World, token: str, path: str, audience: str) -> str | None:
    """Return what a service says that fetches its keys from an address: None where it accepts."""
    known = jwt.PyJWKSet.from_dict(world.send("GET", path).json)
    try:
        key = known[header_of(token)["kid"]]
    except KeyError:
        return "unknown key"
    options = {"verify_exp": False, "verify_iat": False}
    jwt.decode(token, key, algorithms=["ES256"], audience=audience, options=options)
    return None


def test_its_tokens_are_accepted_with_its_own_key_set_only(world, client, path):
    token = ask(world, client, ALONE).token

    assert verify(world, token, path, ALONE) is None
    assert verify(world, token, SHARED_SET, ALONE) == "unknown key"
    assert len(kids(world, path)) == 1


def test_tokens_for_others_are_not_accepted_with_its_key_set(world, client, path):
    token = ask(world, client, ORDERS).token

    assert verify(world, token, SHARED_SET, ORDERS) is None
    assert verify(world, token, path, ORDERS) == "unknown key"


def test_it_never_stands_in_one_token_with_another(world, client):
    assert ask(world, client, ORDERS, BILLING).aud == [ORDERS, BILLING]

    assert_refused(ask(world, client, ORDERS, ALONE), InvalidTarget)
    assert "has a key of its own" in world.lines()[-1]["reason"]


def test_its_key_set_is_served_like_the_shared_one(world, path):
    answer = world.send("GET", path)

    shared = world.send("GET", SHARED_SET)
    told, shared_told = dict(answer.headers.items()), dict(shared.headers.items())
    assert told.keys() == shared_told.keys()
    for name in ("Content-Type", "Cache-Control", "Access-Control-Allow-Origin", "X-Content-Type-Options"):
        assert told[name] == shared_told[name]
    assert answer.headers["ETag"] != shared.headers["ETag"]
    (key,) = answer.json["keys"]
    assert set(key) == {"kid", "use", "alg", "kty", "crv", "x", "y"}
    again = world.send("GET", path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert world.send("POST", path).status == 405


@pytest.mark.parametrize(
    "name", ["1", "2", "999999", "0", "01", "-1", "1e3", "x", "9" * 18, "9" * 40, "4;x", "4%00", "%34", "4/"]
)
def test_who_has_no_key_of_its_own_has_no_set(world, path, name):
    if path.endswith(f"/{name}.json"):
        pytest.skip("this one has")

    assert world.send("GET", f"/.well-known/jwks/{name}.json").status in {404, 308}


def test_a_key_of_one_audience_vouches_for_no_other(world, client, path):
    """Not even at introspection: what its key signs for another was never issued."""
    asker = world.add_client("Shop's own", service="Shop")
    world.look()
    good = ask(world, client, ALONE).token
    with db.reading(world.parts.engine) as connection:
        (stored,) = [key for key in signing_keys.list_keys(connection) if key.audience_id is not None]
    own = signing.Signer(sealing.open_key(stored, (MASTER_KEY,)))
    forged = signing.sign_claims({**claims_of(good), "aud": ORDERS}, own, "at+jwt")

    assert present(world, INTROSPECT, asker, good).json["active"] is True
    assert present(world, INTROSPECT, asker, forged).body == INACTIVE


@pytest.mark.parametrize("alg", ["ES256", "RS256"])
def test_a_compromised_key_is_out_at_once_with_all_that_it_signed(world, client, path, alg):
    asker = world.add_client("Shop's own", service="Shop")
    world.add_audience("rs", signing_alg=SigningAlg(alg))
    world.permit(client.client_id, "rs")
    world.look()
    token = world.ask(client, grant_type="client_credentials", audience="rs").token
    kid = header_of(token)["kid"]
    assert present(world, INTROSPECT, asker, token).json["active"] is True

    waits = key_steps.make_waits(world.parts.settings)
    key_withdrawal.compromise(world.registrar, (MASTER_KEY,), kid, waits)
    world.look()

    assert kid not in kids(world, SHARED_SET)
    assert present(world, INTROSPECT, asker, token).body == INACTIVE
    after = world.ask(client, grant_type="client_credentials", audience="rs").token
    assert header_of(after)["kid"] in kids(world, SHARED_SET)
    assert present(world, INTROSPECT, asker, after).json["active"] is True


def test_a_compromised_key_of_refresh_tokens_ends_them(world, path):
    holder = add_holder(world)
    world.look()
    given = world.ask(holder, grant_type="client_credentials", resource=ORDERS, scope="offline_access")
    kid = header_of(given.json["refresh_token"])["kid"]

    waits = key_steps.make_waits(world.parts.settings)
    key_withdrawal.compromise(world.registrar, (MASTER_KEY,), kid, waits)
    world.look()

    refused = world.ask(holder, grant_type="refresh_token", refresh_token=given.json["refresh_token"])
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    fresh = world.ask(holder, grant_type="client_credentials", resource=ORDERS, scope="offline_access")
    again = world.ask(holder, grant_type="refresh_token", refresh_token=fresh.json["refresh_token"])
    assert again.status == 200


def test_every_purpose_is_apart(world, path):
    with db.reading(world.parts.engine) as connection:
        stored = signing_keys.list_keys(connection)

    assert {key.purpose for key in stored if key.audience_id is not None} == {KeyPurpose.TOKEN}
