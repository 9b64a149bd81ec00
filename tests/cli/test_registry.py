"""`issuer registry`."""

import json

import pytest
import yaml

ORDERS = "https://orders.example.com"
SMALL = """\
version: 1
services:
- name: Stock
  owner: shop
audiences:
- identifier: stock
  service: Stock
  description: What is there
  scopes:
  - name: stock:read
  aliases:
  - identifier: old-stock
    mode: dual
    until: 2027-02-01
  extra_claims:
    tier: gold
clients:
- client_id: robot
  name: Robot
  grant_types: [client_credentials]
permissions:
- client_id: robot
  audience: stock
  scopes: [stock:read]
"""


@pytest.fixture
def file(tmp_path):
    """Give the function that writes a document and returns its path."""

    def write(document):
        path = tmp_path / "registry.yaml"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        return str(path)

    return write


@pytest.fixture
def exported(shop, client_id):
    """Return what is registered, as values."""
    return shop("registry", "export", "--json").document


def test_export_is_yaml_for_people_and_json_for_programs(shop, client_id):
    as_yaml, as_json = shop("registry", "export"), shop("registry", "export", "--json")

    assert (as_yaml.status, as_yaml.err) == (0, "")
    assert as_yaml.out.startswith("version: 1\ntrust_groups:\n- name: shop\n  owner: shop\nservices:\n")
    assert yaml.safe_load(as_yaml.out) == as_json.document
    assert as_json.document["permissions"] == [
        {"client_id": client_id, "audience": ORDERS, "scopes": ["orders:read"], "subject": "client"}
    ]


def test_what_was_exported_changes_nothing(shop, client_id, file):
    for exported in (shop("registry", "export").out, shop("registry", "export", "--json").out):
        ran = shop("registry", "apply", file(exported), "--prune")

        assert (ran.status, ran.out, ran.err) == (0, "", "Nothing differs; nothing was changed.\n")


def test_what_is_applied_is_shown(used, file):
    ran = used("registry", "apply", file(SMALL))

    assert ran.status == 0
    assert ran.out == (
        "+ service Stock\n"
        "    owner: shop\n"
        "    state: active\n"
        "+ audience stock\n"
        "    service: Stock\n"
        '    description: "What is there"\n'
        '    scopes[stock:read]: ""\n'
        "    aliases[old-stock]: dual until 2027-02-01T00:00:00Z\n"
        "    signing_alg: RS256\n"
        "    typ: at+jwt\n"
        '    extra_claims[tier]: "gold"\n'
        "    state: active\n"
        "+ client robot\n"
        "    name: Robot\n"
        "    type: service\n"
        "    grant_types: client_credentials\n"
        "    auth_method: client_secret_basic\n"
        "    may_use_offline_access: no\n"
        "    state: active\n"
        "+ permission robot on stock\n"
        "    scopes: stock:read\n"
        "    subject: client\n"
    )
    assert ran.err == (
        "Applied: 4 added, 0 changed, 0 removed.\n"
        "Clients without a secret:\n"
        "  issuer client secret add robot\n"
    )
    assert used("audience", "show", "old-stock", "--json").document["identifier"] == "stock"


def test_a_file_can_come_from_standard_input(used):
    ran = used("registry", "apply", "-", typed=SMALL)

    assert ran.status == 0
    assert used("client", "show", "robot", "--json").document["secrets"] == []


def test_a_change_is_shown_before_and_after(used, file):
    used("registry", "apply", file(SMALL))
    changed = (
        SMALL.replace("description: What is there", "description: ''")
        .replace("mode: dual\n    until: 2027-02-01", "mode: accept")
        .replace("tier: gold", "tier: 'no'\n    level: 2")
        .replace("- name: stock:read", "- name: stock:read\n    description: Look\n  - name: stock:write")
        .replace("[client_credentials]", "[client_credentials, refresh_token]\n  tenant_id: acme")
    )

    ran = used("registry", "apply", file(changed))

    assert ran.out == (
        "~ audience stock\n"
        '    description: "What is there" -> -\n'
        '    scopes[stock:read]: "" -> "Look"\n'
        '    scopes[stock:write]: - -> ""\n'
        "    aliases[old-stock]: dual until 2027-02-01T00:00:00Z -> accept\n"
        '    extra_claims[tier]: "gold" -> "no"\n'
        "    extra_claims[level]: - -> 2\n"
        "~ client robot\n"
        "    grant_types: client_credentials -> client_credentials, refresh_token\n"
        "    tenant_id: - -> acme\n"
    )
    assert "Applied: 0 added, 2 changed, 0 removed.\n" in ran.err


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_what_an_admin_has_disabled_is_said_to_come_back(used, file, options):
    """Who disables a client in haste must hear of the pipeline that enables it again."""
    used("registry", "apply", file(SMALL))
    used("client", "disable", "robot")
    used("audience", "disable", "stock")

    ran = used("registry", "apply", file(SMALL), *options)

    assert "Disabled until now, enabled by the file:\n  audience stock\n  client robot\n" in ran.err


def test_what_stays_disabled_is_not_said_to_come_back(used, file):
    used("registry", "apply", file(SMALL))
    used("client", "disable", "robot")

    ran = used("registry", "apply", file(SMALL.replace("name: Robot", "name: Bot\n  state: disabled")))

    assert ran.status == 0
    assert "Disabled until now" not in ran.err


def test_a_dry_run_shows_the_same_and_changes_nothing(used, file):
    shown = used("registry", "apply", file(SMALL), "--dry-run")

    assert (shown.status, shown.err.splitlines()[0]) == (
        0,
        "Not applied, as --dry-run says: 4 added, 0 changed, 0 removed.",
    )
    assert used("registry", "export", "--json").document["services"] == []
    assert used("registry", "apply", file(SMALL)).out == shown.out


@pytest.mark.parametrize(("options", "is_applied"), [((), True), (("--dry-run",), False)])
def test_changes_as_json(shop, client_id, exported, file, options, is_applied):
    exported["permissions"][0]["subject"] = "both"
    exported["clients"] = exported["clients"][1:]

    ran = shop("registry", "apply", file(exported), "--json", *options)

    assert ran.document == {
        "changes": [
            {
                "action": "change",
                "kind": "permission",
                "client_id": client_id,
                "audience": ORDERS,
                "path": "permissions[0]",
                "before": {"subject": "client"},
                "after": {"subject": "both"},
            }
        ],
        "is_applied": is_applied,
        "not_in_file": {"clients": 1},
        "clients_without_secret": [],
        "defaults_not_permitted": [],
    }


def test_what_is_not_in_the_file_is_told(shop, client_id, file):
    ran = shop("registry", "apply", file({"version": 1}))

    assert ran.err == (
        "Nothing differs; nothing was changed.\n"
        "Not in the file and left alone: 1 trust group, 2 services, 2 audiences, 1 client, 1 permission.\n"
    )


def test_pruning_says_that_it_is_for_good(shop, client_id, exported, file):
    shop("permission", "grant", client_id, "access")

    ran = shop("registry", "apply", file(exported), "--prune")

    assert (ran.status, ran.out) == (0, f"- permission {client_id} on access\n")
    assert ran.err == (
        "Applied: 0 added, 0 changed, 1 removed.\n"
        "What is removed stays so: its names, identifiers and client_ids are never free again.\n"
    )


def test_pruning_more_than_half_needs_yes(shop, client_id, exported, file):
    path = file({**exported, "clients": [], "permissions": []})

    refused = shop("registry", "apply", path, "--prune")

    assert refused.status == 1
    assert "this would remove 1 of 1 clients, more than half" in refused.err
    assert shop("client", "show", client_id, "--json").document["state"] == "active"
    assert shop("registry", "apply", path, "--prune", "--yes").status == 0
    assert shop("client", "show", client_id, "--json").document["state"] == "removed"


@pytest.mark.parametrize(
    ("document", "error", "reason"),
    [
        (
            "version: 1\nclient: []",
            "invalid_value",
            "the document: there is no key 'client'; did you mean clients?",
        ),
        (
            "version: 1\nversion: 1",
            "invalid_value",
            "line 2, column 1: the key 'version' stands twice in one mapping",
        ),
        (
            SMALL.replace("[client_credentials]", "client_credentials"),
            "invalid_value",
            "clients[0].grant_types: here stands a list, not the text 'client_credentials'",
        ),
        (
            SMALL.replace("audience: stock", "audience: stok"),
            "not_found",
            (
                "permissions[0].audience: no audience stok is in the document, nor registered to stay beside "
                "it; did you mean stock?"
            ),
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(used, file, document, error, reason):
    ran = used("registry", "apply", file(document), "--json")

    assert (ran.status, ran.document) == (1, {"error": error, "reason": reason})


def test_a_file_that_is_not_there_is_misuse(used, tmp_path):
    assert used("registry", "apply", str(tmp_path / "nothing")).status == 2


def test_a_registry_moves_from_staging_to_production(issuer, file, tmp_path):
    staging = {"ISSUER_URL": "https://staging.example.com/auth"}
    production = {"ISSUER_URL": "https://login.example.com", "ISSUER_DATA_DIR": str(tmp_path / "production")}
    issuer("registry", "apply", file(SMALL), env=staging)
    issuer("permission", "grant", "robot", "https://staging.example.com/auth/api/v1", env=staging)
    exported = issuer("registry", "export", env=staging).out

    ran = issuer("registry", "apply", file(exported), env=production)

    assert ran.status == 0
    assert issuer("registry", "export", env=production).out == exported
    listed = issuer("permission", "list", "--client", "robot", "--json", env=production).document["items"]
    assert [one["audience"] for one in listed] == ["https://login.example.com/api/v1", "stock"]
