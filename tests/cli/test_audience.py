"""`issuer audience` and `issuer audience alias`."""

import re

import pytest

ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"


@pytest.fixture
def service(used):
    """Give `issuer` with the service Orders."""
    used("service", "add", "Orders", "--owner", "shop")
    return used


def test_added_audience_as_json(service):
    options = ("--scope", "b", "--scope", "a", "--access-token-seconds", "300", "--signing-alg", "ES256")
    more = ("--typ", "JWT", "--description", "All orders", "--claim", 'tier="gold"', "--json")

    added = service("audience", "add", ORDERS, "--service", "Orders", *options, *more).document

    assert added == {
        "identifier": ORDERS,
        "service": "Orders",
        "description": "All orders",
        "scopes": ["a", "b"],
        "access_token_seconds": 300,
        "is_default_lifetime": False,
        "signing_alg": "ES256",
        "typ": "JWT",
        "extra_claims": {"tier": "gold"},
        "aliases": [],
        "state": "active",
        "successor": None,
        "is_reserved": False,
        "own_jwks_uri": None,
        "created_at": "2027-01-15T08:00:00Z",
        "version": 1,
    }


def test_lifetime_is_shown_as_it_takes_effect(service):
    service("audience", "add", ORDERS, "--service", "Orders")

    shown = service("audience", "show", ORDERS, "--json", env={"ISSUER_ACCESS_TOKEN_SECONDS": "120"}).document

    assert (shown["access_token_seconds"], shown["is_default_lifetime"]) == (120, True)


def test_added_audience_is_shown_with_the_next_step(service):
    ran = service("audience", "add", ORDERS, "--service", "Orders", "--scope", "a", "--scope", "b")

    assert ran.out.splitlines()[:4] == [
        f"identifier            {ORDERS}",
        "service               Orders",
        "description           -",
        "scopes                a, b",
    ]
    assert ran.err == f"Permit a client to ask for it: issuer permission grant CLIENT_ID {ORDERS}\n"


def test_audiences_are_listed_in_columns(shop):
    ran = shop("audience", "list", "--service", "Orders")

    header, row = ran.out.splitlines()
    assert row == f"{ORDERS}  Orders   orders:read, orders:write  900                   RS256        active"
    assert header.index("scopes") == row.index("orders:read")
    assert header.split() == [
        *("identifier", "service", "scopes", "access_token_seconds", "signing_alg", "state"),
    ]


def test_list_without_audiences_says_what_to_do(used):
    ran = used("audience", "list")

    assert [line.split()[0] for line in ran.out.splitlines()] == [
        "identifier",
        "access",
        "refresh",
        "http://127.0.0.1:8000/api/v1",
    ]
    assert ran.err == (
        "No audience of yours here yet. Add one: issuer audience add IDENTIFIER --service NAME\n"
    )


@pytest.mark.parametrize(
    ("command", "state"),
    [("disable", "disabled"), ("enable", "active"), ("deprecate", "deprecated"), ("remove", "removed")],
)
def test_state_of_an_audience_is_changed(shop, command: str, state: str):
    changed = shop("audience", command, ORDERS, "--json")

    assert (changed.status, changed.document["state"]) == (0, state)


def test_deprecated_audience_names_its_successor(shop):
    deprecated = shop("audience", "deprecate", ORDERS, "--successor", BILLING, "--json").document

    assert (deprecated["state"], deprecated["successor"]) == ("deprecated", BILLING)


def test_change_touches_only_what_is_named(shop):
    before = shop("audience", "show", ORDERS, "--json").document
    options = ("--add-scope", "orders:delete", "--remove-scope", "orders:write", "--signing-alg", "ES256")

    changed = shop("audience", "change", ORDERS, *options, "--json").document

    assert changed == {
        **before,
        "scopes": ["orders:delete", "orders:read"],
        "signing_alg": "ES256",
        "version": 2,
    }


def test_lifetime_is_set_and_taken_back(shop):
    lowered = shop("audience", "change", ORDERS, "--access-token-seconds", "60", "--json").document
    default = shop("audience", "change", ORDERS, "--no-access-token-seconds", "--json").document

    assert (lowered["access_token_seconds"], lowered["is_default_lifetime"]) == (60, False)
    assert (default["access_token_seconds"], default["is_default_lifetime"]) == (900, True)


def test_claims_are_set_and_removed_one_by_one(shop):
    shop("audience", "change", ORDERS, "--claim", "a=1", "--claim", "b=null", "--claim", "c=3")

    changed = shop("audience", "change", ORDERS, "--claim", "a=2", "--remove-claim", "b", "--json").document

    assert changed["extra_claims"] == {"a": 2, "c": 3}


def test_alias_is_added_and_removed(shop):
    added = shop(
        "audience",
        "alias",
        "add",
        ORDERS,
        "orders-api",
        "--mode",
        "accept",
        "--until",
        "2028-01-01",
        "--json",
    ).document
    removed = shop("audience", "alias", "remove", "orders-api", "--json").document

    assert added["aliases"] == [
        {"identifier": "orders-api", "mode": "accept", "until": "2028-01-01T00:00:00Z"}
    ]
    assert removed["aliases"] == []


def test_alias_is_shown_on_a_line_of_its_own(shop):
    shop("audience", "alias", "add", ORDERS, "one", "--mode", "accept")

    ran = shop("audience", "alias", "add", ORDERS, "two", "--mode", "dual", "--until", "2028-01-01")

    assert "aliases               identifier=one  mode=accept\n" in ran.out
    assert "                      identifier=two  mode=dual  until=2028-01-01T00:00:00Z\n" in ran.out


def test_renamed_audience_keeps_its_old_name_as_alias(shop):
    renamed = shop(
        "audience", "rename", ORDERS, "https://new.example.com", "--until", "2028-01-01", "--json"
    ).document

    assert renamed["identifier"] == "https://new.example.com"
    assert renamed["aliases"] == [{"identifier": ORDERS, "mode": "dual", "until": "2028-01-01T00:00:00Z"}]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("show", "https://nobody.example.com"), "not_found"),
        (("add", "http:// space", "--service", "Orders"), "invalid_value"),
        (("add", "http://127.0.0.1:8000/x", "--service", "Orders"), "invalid_value"),
        (("add", "https://x.example.com", "--service", "Nobody"), "not_found"),
        (("add", "HTTPS://Orders.example.com:443", "--service", "Billing"), "conflict"),
        (("add", "https://x.example.com", "--service", "Orders", "--claim", "aud=1"), "invalid_value"),
        (("add", "https://x.example.com", "--service", "This issuer"), "locked"),
        (("change", ORDERS, "--remove-claim", "tier"), "not_found"),
        (("change", "refresh", "--add-scope", "a"), "locked"),
        (("alias", "add", ORDERS, BILLING, "--mode", "dual"), "conflict"),
        (("alias", "add", ORDERS, "new", "--mode", "dual", "--until", "2020-01-01"), "invalid_value"),
        (("alias", "remove", "nothing"), "not_found"),
        (("alias", "remove", ORDERS), "not_found"),
        (("rename", ORDERS, BILLING, "--until", "2028-01-01"), "conflict"),
        (("rename", ORDERS, "new", "--until", "2020-01-01"), "invalid_value"),
    ],
)
def test_refusal_says_why(shop, arguments: tuple[str, ...], error: str):
    ran = shop("audience", *arguments)
    as_json = shop("audience", *arguments, "--json")

    assert (ran.status, ran.out) == (1, "")
    assert (as_json.status, as_json.document["error"]) == (1, error)
    assert ran.err == f"refused: {as_json.document['reason']}\n"


def test_scope_in_use_is_not_removed(shop, client_id: str):
    ran = shop("audience", "change", ORDERS, "--remove-scope", "orders:read", "--json")

    assert (ran.status, ran.document["error"]) == (1, "conflict")
    assert client_id in ran.document["reason"]


def test_an_audience_gets_a_key_of_its_own_and_its_service_is_told_from_where_to_fetch_it(shop):
    ran = shop("audience", "key", ORDERS, "--own", "--json")

    uri = ran.document["own_jwks_uri"]
    assert ran.status == 0
    assert uri.startswith("http://127.0.0.1:8000/.well-known/jwks/")
    assert ran.err == f"Let its service fetch the keys from {uri}\n"


def test_an_audience_goes_back_to_the_shared_keys(shop):
    shop("audience", "key", ORDERS, "--own")

    ran = shop("audience", "key", ORDERS, "--shared", "--json")

    assert (ran.status, ran.document["own_jwks_uri"]) == (0, None)
    assert re.fullmatch(
        r"Its own key signs until \S+Z\. When its last tokens have expired, let its service "
        r"fetch the keys from http://127\.0\.0\.1:8000/\.well-known/jwks\.json; until then, from "
        r"http://127\.0\.0\.1:8000/\.well-known/jwks/[0-9]+\.json, which is gone at \S+Z\.\n",
        ran.err,
    )


def test_a_change_of_keys_at_once_tells_what_breaks(shop):
    ran = shop("audience", "key", ORDERS, "--own", "--now")

    assert (ran.status, ran.err.split(":")[0]) == (0, "At once")


def test_which_key_it_shall_be_is_to_be_said(shop):
    assert shop("audience", "key", ORDERS).status == 2


def test_an_audiences_own_key_is_listed_with_it_and_rotated_by_it(shop):
    shop("audience", "key", ORDERS, "--own", "--now")

    rotated = shop("key", "rotate", "--audience", ORDERS, "--json").document["items"]

    own = [key["kid"] for key in shop("key", "list", "--json").document["items"] if key["audience"] == ORDERS]
    assert len(own) == 2
    assert [{item["kid"], item["previous_kid"]} for item in rotated] == [set(own)]


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_first_key_of_an_audience_follows_none(shop, client_id, options):
    shop("audience", "key", ORDERS, "--own")

    ran = shop("key", "rotate", "--audience", ORDERS, "--now", *options)

    (own,) = [key for key in shop("key", "list", "--json").document["items"] if key["audience"] == ORDERS]
    assert own["state"] == "active"
    if options:
        assert [(each["kid"], each["previous_kid"]) for each in ran.document["items"]] == [(own["kid"], None)]
    else:
        assert ran.out == f"RS256: {own['kid']} is published, signs from {own['signs_from']}.\n"


def test_an_audience_that_shares_its_keys_has_none_to_rotate(shop):
    ran = shop("key", "rotate", "--audience", ORDERS, "--json")

    assert (ran.status, ran.document["error"]) == (1, "conflict")
    assert shop("key", "rotate", "--audience", ORDERS, "--alg", "ES256").status == 2
