"""`issuer service`."""

import pytest

from issuer import terminal


def test_added_service_is_shown(used):
    ran = used("service", "add", "Orders", "--owner", "Team A", "--trust-group", "shop")

    assert ran.status == 0
    assert ran.out == (
        "name         Orders\n"
        "owner        Team A\n"
        "trust_group  shop\n"
        "state        active\n"
        "is_builtin   no\n"
        "created_at   2027-01-15T08:00:00Z\n"
        "version      1\n"
    )
    assert ran.err == "Give it an audience: issuer audience add IDENTIFIER --service Orders\n"


def test_added_service_as_json(used):
    ran = used("service", "add", "Orders", "--owner", "Team A", "--json")

    assert ran.document == {
        "name": "Orders",
        "owner": "Team A",
        "trust_group": None,
        "state": "active",
        "is_builtin": False,
        "created_at": "2027-01-15T08:00:00Z",
        "version": 1,
    }


def test_owner_is_the_user_of_the_terminal_if_none_is_named(used):
    added = used("service", "add", "Orders", "--json").document

    assert added["owner"] == terminal.user_name()


def test_services_are_listed_in_columns(shop):
    ran = shop("service", "list")

    assert ran.out == (
        "name         owner   trust_group  state\n"
        "Billing      shop    shop         active\n"
        "Orders       shop    shop         active\n"
        "This issuer  issuer  -            active\n"
    )
    assert ran.err == ""


def test_list_without_services_says_what_to_do(used):
    ran = used("service", "list")

    assert ran.err == "No service of yours yet. Add one: issuer service add NAME --owner TEAM\n"


def test_first_use_tells_where_the_registry_was_made(issuer, data_dir):
    first = issuer("service", "add", "Orders", "--json")
    second = issuer("service", "show", "Orders", "--json")

    assert first.document["name"] == "Orders"
    assert first.err.splitlines()[0] == f"There was no registry yet. A new one is in {data_dir}"
    assert second.err == ""


def test_list_as_json_holds_items(shop):
    listed = shop("service", "list", "--json").document

    assert [item["name"] for item in listed["items"]] == ["Billing", "Orders", "This issuer"]


@pytest.mark.parametrize(
    ("command", "state"), [("disable", "disabled"), ("enable", "active"), ("remove", "removed")]
)
def test_state_of_a_service_is_changed(shop, command: str, state: str):
    changed = shop("service", command, "Orders", "--json")

    assert (changed.status, changed.document["state"]) == (0, state)
    assert shop("service", "show", "Orders", "--json").document == changed.document


def test_removed_service_is_listed_by_its_state(shop):
    shop("service", "remove", "Orders")

    listed = shop("service", "list", "--state", "removed", "--json").document

    assert [item["name"] for item in listed["items"]] == ["Orders"]


@pytest.mark.parametrize(
    ("arguments", "error", "reason"),
    [
        (("show", "Nobody"), "not_found", "no service Nobody is registered"),
        (("add", ""), "invalid_value", "the name is empty"),
        (
            ("add", "Orders"),
            "conflict",
            "a service Orders is or was registered; names are never given again",
        ),
        (("remove", "This issuer"), "locked", "This issuer is the issuer itself"),
    ],
)
def test_refusal_says_why(shop, arguments: tuple[str, ...], error: str, reason: str):
    ran = shop("service", *arguments)
    as_json = shop("service", *arguments, "--json")

    assert (ran.status, ran.out, ran.err) == (1, "", f"refused: {reason}\n")
    assert (as_json.status, as_json.document) == (1, {"error": error, "reason": reason})
