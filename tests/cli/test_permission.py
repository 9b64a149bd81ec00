"""`issuer permission`."""

ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"


def test_granted_permission_as_json(shop, client_id: str):
    options = ("--scope", "orders:write", "--scope", "orders:read", "--default-scope", "orders:read")

    ran = shop("permission", "grant", client_id, ORDERS, *options, "--subject", "both", "--json")

    assert ran.document == {
        "client_id": client_id,
        "audience": ORDERS,
        "service": "Orders",
        "scopes": ["orders:read", "orders:write"],
        "default_scopes": ["orders:read"],
        "subject": "both",
        "version": 2,
    }
    assert ran.err == f"See what it gets: issuer token preview {client_id}\n"


def test_permissions_are_listed_in_columns(shop, client_id: str):
    ran = shop("permission", "list")

    assert [line.split() for line in ran.out.splitlines()] == [
        ["client_id", "audience", "service", "scopes", "default_scopes", "subject"],
        [client_id, ORDERS, "Orders", "orders:read", "-", "client"],
    ]


def test_permissions_are_listed_by_client_and_audience(shop, client_id: str):
    shop("permission", "grant", client_id, BILLING)

    listed = shop("permission", "list", "--client", client_id, "--audience", BILLING, "--json").document

    assert [item["audience"] for item in listed["items"]] == [BILLING]


def test_list_without_permissions_says_what_to_do(shop):
    ran = shop("permission", "list")

    assert (ran.status, ran.out) == (0, "")
    assert ran.err.startswith("No permission here yet. Grant one: issuer permission grant ")


def test_revoked_permission_is_gone(shop, client_id: str):
    revoked = shop("permission", "revoke", client_id, ORDERS, "--json")

    assert revoked.document == {"client_id": client_id, "audience": ORDERS, "state": "revoked"}
    assert shop("permission", "list", "--json").document == {"items": []}


def test_scope_that_the_audience_does_not_define_is_refused(shop, client_id: str):
    ran = shop("permission", "grant", client_id, ORDERS, "--scope", "billing:read", "--json")

    assert (ran.status, ran.document["error"]) == (1, "invalid_value")


def test_unknown_client_and_audience_are_refused(shop, client_id: str):
    client = shop("permission", "grant", "nobody", ORDERS, "--json")
    audience = shop("permission", "revoke", client_id, "https://nobody.example.com", "--json")

    assert (client.status, client.document["error"]) == (1, "not_found")
    assert (audience.status, audience.document["error"]) == (1, "not_found")


def test_refresh_is_permitted_to_nobody(shop, client_id: str):
    ran = shop("permission", "grant", client_id, "refresh", "--json")

    assert (ran.status, ran.document["error"]) == (1, "locked")
