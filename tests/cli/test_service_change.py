"""`issuer service change`."""


def test_owner_and_trust_group_are_changed(shop):
    changed = shop("service", "change", "Orders", "--owner", "Team B", "--trust-group", "b", "--json")

    assert (changed.status, changed.document["owner"], changed.document["trust_group"]) == (0, "Team B", "b")
    assert shop("service", "show", "Orders", "--json").document == changed.document


def test_a_service_leaves_its_trust_group(shop):
    changed = shop("service", "change", "Orders", "--no-trust-group", "--json")

    assert (changed.status, changed.document["trust_group"]) == (0, None)


def test_a_group_of_another_owner_is_refused_with_the_reason(shop):
    ran = shop("service", "change", "Orders", "--owner", "Team B")

    assert (ran.status, ran.out) == (1, "")
    assert "the trust group shop belongs to shop, not to Team B: name another, or none" in ran.err


def test_to_join_and_to_leave_at_once_is_misuse(shop):
    ran = shop("service", "change", "Orders", "--trust-group", "b", "--no-trust-group")

    assert ran.status == 2
    assert "--trust-group and --no-trust-group contradict each other." in ran.err


def test_the_mend_of_a_missing_owner_can_be_pasted(shop):
    shop("service", "add", "Junk", "--owner", "unknown")
    found = shop("lint", "--json").document["items"]
    mend = next(item["mend"] for item in found if item["code"] == "no-owner")

    ran = shop("service", "change", "Junk", "--owner", "TEAM")

    assert mend == "Name its team: `issuer service change Junk --owner TEAM`."
    assert ran.status == 0
    assert "no-owner" not in {item["code"] for item in shop("lint", "--json").document["items"]}
