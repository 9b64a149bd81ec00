"""`issuer token preview`."""

import json

import pytest

ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"
NONE_FOR = "this client has no permission for"


def test_preview_shows_header_and_claims(shop, client_id: str):
    document = shop("token", "preview", client_id, "--resource", ORDERS, "--json").document

    kid, jti = document["header"]["kid"], document["claims"]["jti"]
    assert document == {
        "header": {"alg": "RS256", "typ": "at+jwt", "kid": kid},
        "claims": {
            "iss": "http://127.0.0.1:8000",
            "sub": client_id,
            "aud": ORDERS,
            "client_id": client_id,
            "iat": 1_800_000_000,
            "exp": 1_800_000_900,
            "jti": jti,
            "scope": "orders:read",
        },
    }


def test_preview_for_people_holds_the_same(shop, client_id: str):
    ran = shop("token", "preview", client_id)

    header, claims = ran.out.removeprefix("header\n").split("\n\nclaims\n")
    assert json.loads(header)["alg"] == "RS256"
    assert json.loads(claims)["aud"] == ORDERS


def test_parameter_without_a_value_counts_as_never_sent(shop, client_id: str):
    ran = shop("token", "preview", client_id, "--resource", "", "--audience", "", "--scope", "", "--json")

    assert ran.document["claims"]["aud"] == ORDERS


def test_several_audiences_stand_in_one_token(shop, client_id: str):
    shop("permission", "grant", client_id, BILLING, "--scope", "billing:read")

    ran = shop("token", "preview", client_id, "--resource", BILLING, "--audience", ORDERS, "--json")
    both = shop("token", "preview", client_id, "--resource", BILLING, "--resource", ORDERS, "--json")

    assert ran.document["error"] == "invalid_target"
    assert both.document["claims"]["aud"] == [ORDERS, BILLING]


@pytest.mark.parametrize(
    ("options", "error", "reason"),
    [
        (
            ("--resource", BILLING),
            "invalid_target",
            f"{NONE_FOR} '{BILLING}'; '{BILLING}' is registered (active)",
        ),
        (
            ("--resource", f"{ORDERS}/x/"),
            "invalid_target",
            f"{NONE_FOR} '{ORDERS}/x/'; '{ORDERS}/x/' is not registered",
        ),
        (
            ("--resource", "orders"),
            "invalid_target",
            "a resource is no absolute URI without fragment (RFC 8707 section 2); 'orders' is not registered",
        ),
    ],
)
def test_refusal_is_that_of_the_token_endpoint(shop, client_id, options, error, reason):
    ran = shop("token", "preview", client_id, *options)
    as_json = shop("token", "preview", client_id, *options, "--json")

    assert (ran.status, ran.out, ran.err) == (1, "", f"refused: {reason}\n")
    assert (as_json.status, as_json.document) == (1, {"error": error, "reason": reason})


def test_scope_that_is_not_permitted_is_refused(shop, client_id: str):
    ran = shop("token", "preview", client_id, "--resource", ORDERS, "--scope", "orders:write", "--json")

    assert (ran.status, ran.document["error"]) == (1, "invalid_scope")


def test_client_that_cannot_ask_is_refused(shop, client_id: str):
    shop("client", "disable", client_id)

    disabled = shop("token", "preview", client_id, "--json")
    unknown = shop("token", "preview", "nobody", "--json")

    assert disabled.document == {"error": "invalid_client", "reason": f"the client {client_id} is disabled"}
    assert unknown.document == {"error": "invalid_client", "reason": "no client nobody is registered"}


def test_wrong_master_key_is_told(shop, client_id: str):
    ran = shop("token", "preview", client_id, "--json", env={"ISSUER_MASTER_KEY": "A" * 43})

    assert (ran.status, ran.document["error"]) == (1, "wrong_master_key")
