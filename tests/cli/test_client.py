"""`issuer client` and `issuer client secret`."""

import pytest

ORDERS = "https://orders.example.com"
BILLING = "https://billing.example.com"
ONCE = "Keep the client_secret now: it is not stored and cannot be shown again."


def test_added_client_as_json(shop):
    ran = shop(
        *("client", "add", "Reports", "--grant", "client_credentials", "--auth-method", "client_secret_post"),
        *("--offline-access", "--service", "Orders", "--tenant-id", "t1", "--type", "web"),
        *("--access-token-max-seconds", "60", "--json"),
    )

    client_id, text = ran.document["client_id"], ran.document["client_secret"]
    (secret,) = ran.document["secrets"]
    assert client_id.startswith("reports-")
    assert len(text) >= 43
    assert ran.document == {
        "client_id": client_id,
        "client_secret": text,
        "name": "Reports",
        "type": "web",
        "grant_types": ["client_credentials", "refresh_token"],
        "auth_method": "client_secret_post",
        "may_use_offline_access": True,
        "default_audience": None,
        "tenant_id": "t1",
        "access_token_max_seconds": 60,
        "service": "Orders",
        "state": "active",
        "secrets": [secret],
        "created_at": "2027-01-15T08:00:00Z",
        "version": 1,
    }
    assert ran.err == f"{ONCE}\nPermit it an audience: issuer permission grant {client_id} IDENTIFIER\n"


def test_secret_is_shown_once(shop):
    added = shop("client", "add", "Reports", "--grant", "client_credentials")
    (line,) = [line for line in added.out.splitlines() if line.startswith("client_secret ")]
    (client,) = shop("client", "list", "--json").document["items"]

    shown = shop("client", "show", client["client_id"])
    listed = shop("client", "secret", "list", client["client_id"], "--json")
    events = shop("audit", "list", "--json")

    text = line.split()[1]
    assert all(text not in ran.out + ran.err for ran in (shown, listed, events))


def test_clients_are_listed_in_columns(shop, client_id: str):
    ran = shop("client", "list")

    assert [line.split() for line in ran.out.splitlines()] == [
        ["client_id", "name", "grant_types", "default_audience", "service", "state"],
        [client_id, "Reports", "client_credentials", "-", "-", "active"],
    ]


def test_list_without_clients_says_what_to_do(used):
    ran = used("client", "list")

    assert ran.out == ""
    assert ran.err == "No client here yet. Add one: issuer client add NAME --grant client_credentials\n"
    assert used("client", "list", "--json").document == {"items": []}


@pytest.mark.parametrize(
    ("command", "state"), [("disable", "disabled"), ("enable", "active"), ("remove", "removed")]
)
def test_state_of_a_client_is_changed(shop, client_id: str, command: str, state: str):
    changed = shop("client", command, client_id, "--json")

    assert (changed.status, changed.document["state"]) == (0, state)


def test_change_touches_only_what_is_named(shop, client_id: str):
    before = shop("client", "show", client_id, "--json").document

    changed = shop("client", "change", client_id, "--default-audience", ORDERS, "--json").document

    assert changed == {**before, "default_audience": ORDERS, "version": before["version"] + 1}


def test_change_takes_back_what_no_options_name(shop, client_id: str):
    shop(
        "client", "change", client_id, "--default-audience", ORDERS, "--service", "Orders", "--tenant-id", "t"
    )

    changed = shop(
        *("client", "change", client_id, "--no-default-audience", "--no-service", "--no-tenant-id"),
        *("--name", "Other", "--offline-access", "--auth-method", "client_secret_post", "--json"),
    ).document

    assert (changed["default_audience"], changed["service"], changed["tenant_id"]) == (None, None, None)
    assert (changed["name"], changed["may_use_offline_access"]) == ("Other", True)
    assert changed["grant_types"] == ["client_credentials", "refresh_token"]
    assert changed["auth_method"] == "client_secret_post"


def test_second_secret_is_added(shop, client_id: str):
    ran = shop("client", "secret", "add", client_id, "--label", "May", "--expires-in-days", "30", "--json")

    assert ran.document == {
        "client_id": client_id,
        "client_secret": ran.document["client_secret"],
        "secret_id": ran.document["secret_id"],
        "label": "May",
        "is_usable": True,
        "created_at": "2027-01-15T08:00:00Z",
        "last_used_at": None,
        "expires_at": "2027-02-14T08:00:00Z",
        "revoked_at": None,
    }
    assert ran.err == f"{ONCE}\n"


def test_revoked_secret_is_listed_as_useless(shop, client_id: str):
    added = shop("client", "secret", "add", client_id, "--label", "May", "--json").document

    revoked = shop("client", "secret", "revoke", client_id, added["secret_id"], "--json").document

    listed = shop("client", "secret", "list", client_id, "--json").document["items"]
    assert (revoked["is_usable"], revoked["revoked_at"]) == (False, "2027-01-15T08:00:00Z")
    assert {(item["label"], item["is_usable"]) for item in listed} == {("first", True), ("May", False)}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("show", "nobody"), "not_found"),
        (("add", " x", "--grant", "client_credentials"), "invalid_value"),
        (("add", "x", "--grant", "client_credentials", "--service", "Nobody"), "not_found"),
        (("add", "x", "--grant", "client_credentials", "--service", "This issuer"), "locked"),
        (("secret", "add", "nobody"), "not_found"),
        (("secret", "revoke", "nobody", "1"), "not_found"),
    ],
)
def test_refusal_says_why(shop, arguments: tuple[str, ...], error: str):
    ran = shop("client", *arguments)
    as_json = shop("client", *arguments, "--json")

    assert (ran.status, ran.out) == (1, "")
    assert (as_json.status, as_json.document["error"]) == (1, error)
    assert ran.err == f"refused: {as_json.document['reason']}\n"


def test_default_audience_must_be_permitted(shop, client_id: str):
    ran = shop("client", "change", client_id, "--default-audience", BILLING, "--json")

    assert (ran.status, ran.document["error"]) == (1, "conflict")


def test_secret_expires_within_ten_years(shop, client_id: str):
    ran = shop("client", "secret", "add", client_id, "--expires-in-days", "3651", "--json")

    assert (ran.status, ran.document["error"]) == (1, "invalid_value")
