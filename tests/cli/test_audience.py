"""`issuer audience` and `issuer audience alias`."""

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
