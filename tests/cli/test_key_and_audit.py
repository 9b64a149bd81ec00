"""`issuer key` and `issuer audit`."""

from issuer import terminal


def test_keys_are_listed_without_their_private_parts(used):
    listed = used("key", "list", "--json").document["items"]

    assert {(key["purpose"], key["alg"], key["state"]) for key in listed} == {
        ("token", "RS256", "active"),
        ("token", "ES256", "active"),
        ("refresh", "HS256", "active"),
    }
    assert listed[0].keys() == {
        *("kid", "purpose", "alg", "state", "created_at", "published_at", "signs_from", "signs_until"),
        *("verify_until", "compromised_at", "audience"),
    }


def test_keys_are_listed_in_columns(used):
    ran = used("key", "list")

    assert ran.out.split("\n")[0].split() == [
        *("kid", "purpose", "alg", "state"),
        *("published_at", "signs_from", "signs_until", "verify_until", "audience"),
    ]
    assert len(ran.out.splitlines()) == 4


def test_changes_are_listed_with_their_actor(used):
    used("service", "add", "Orders", "--owner", "shop")

    newest = used("audit", "list", "--limit", "1", "--json").document["items"]

    assert newest == [
        {
            "id": newest[0]["id"],
            "at": "2027-01-15T08:00:00Z",
            "actor_kind": "terminal",
            "actor": terminal.user_name(),
            "action": "service.added",
            "target_kind": "service",
            "target": "Orders",
            "before": None,
            "after": {"owner": "shop", "trust_group": None, "state": "active"},
            "request_id": None,
        }
    ]


def test_changes_are_listed_in_columns_with_the_fields_that_differ(used):
    used("service", "add", "Orders", "--owner", "shop")
    used("service", "disable", "Orders")

    ran = used("audit", "list", "--target", "Orders", "--limit", "2")

    rows = [line.split()[2:] for line in ran.out.splitlines()]
    user = terminal.user_name()
    assert rows == [
        ["actor", "action", "target", "fields"],
        [user, "service.disabled", "Orders", "state"],
        [user, "service.added", "Orders", "owner,", "state,", "trust_group"],
    ]


def test_older_changes_are_on_the_next_page(used):
    used("service", "add", "Orders", "--owner", "shop")
    used("service", "disable", "Orders")
    first = used("audit", "list", "--limit", "1")
    number = first.out.splitlines()[1].split()[0]

    second = used("audit", "list", "--limit", "1", "--before-id", number, "--json").document["items"]

    assert first.err == f"Older ones: issuer audit list --before-id {number}\n"
    assert second[0]["action"] == "service.added"


def test_no_change_is_said_so(used):
    ran = used("audit", "list", "--target", "nobody")

    assert (ran.status, ran.out, ran.err) == (0, "", "No change yet.\n")
