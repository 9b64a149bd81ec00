"""One client, whole: what it names, what lint finds on it alone, and the audiences it may be given."""

import pytest

from issuer.errors import NotFound
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import one_client
from issuer.registry import audiences, clients, lint, permissions
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import ClientChange
from issuer.registry.listings import client_overview
from issuer.registry.permissions import NewPermission
from tests.oauth.world import watching_statements

DAY = 24 * 3600
BOUNDS = Lifetimes(900, DAY)


def test_a_client_comes_with_its_service_and_default_audience(town, ids):
    wanted = ClientChange(service="Zoo", default_audience="a_b")
    client = clients.change_client(town, ids["Robot"], wanted)

    linked = client_overview.find_linked(town, ids["Robot"])

    assert linked.client == client
    assert (linked.service.name, linked.default_audience.identifier) == ("Zoo", "a_b")


def test_a_client_that_names_nothing(town, ids):
    linked = client_overview.find_linked(town, ids["cat"])

    assert (linked.service, linked.default_audience) == (None, None)
    with pytest.raises(NotFound):
        client_overview.find_linked(town, "nobody")


def test_lint_finds_what_the_whole_linter_finds_on_this_client(town, ids, count, clock, engine):
    clients.change_client(town, ids["Robot"], ClientChange(default_audience="https://orders.example/"))
    permissions.revoke_permission(town, ids["Robot"], "https://orders.example/")
    permissions.grant_permission(town, NewPermission(ids["Robot"], "access"))
    clock.step(400 * DAY)
    count(ids["ant"], "a_b", -399 * DAY, 3)

    for name in ("Robot", "ant", "Bee"):
        linked = client_overview.find_linked(town, ids[name])
        with watching_statements(engine) as statements:
            found = client_overview.lint_client(town, linked, BOUNDS)

        whole = [one for one in lint.lint(town, BOUNDS) if (one.noun, one.name) == ("client", ids[name])]
        assert list(found) == whole
        assert len([one for one in statements if not one.startswith("BEGIN")]) == 6
    codes = {one.code for one in lint.lint(town, BOUNDS) if one.name == ids["Robot"]}
    assert codes == {"expired-default", "verifies-access", "old-secret", "permission-unused-90-days"}


def test_a_target_has_its_permission_or_none(town, ids):
    audience = audiences.find_audience(town, "a_b")

    held = client_overview.find_target(town, ids["Robot"], audience.id)
    not_held = client_overview.find_target(town, ids["cat"], audience.id)

    assert held.permission.scopes == frozenset({"read", "write"})
    assert (not_held.audience, not_held.permission) == (audience, None)
    for client_id, audience_id in (("nobody", audience.id), (ids["cat"], 10_000)):
        with pytest.raises(NotFound):
            client_overview.find_target(town, client_id, audience_id)


def test_named_audiences_are_found_by_their_identifiers_alone(town):
    found = client_overview.list_named(town, {"a_b", "urn:x:50%25", "nowhere"})

    assert [one.identifier for one in found] == ["a_b", "urn:x:50%25"]
    assert client_overview.list_named(town, set()) == ()


def test_of_very_many_permissions_those_are_read_that_nobody_uses(town, ids, clock, count, monkeypatch):
    for number in range(20):
        audiences.add_audience(town, NewAudience(f"urn:n:{number}", "Shop"))
        permissions.grant_permission(town, NewPermission(ids["ant"], f"urn:n:{number}"))
    clients.change_client(town, ids["ant"], ClientChange(default_audience="urn:n:10"))
    linked = client_overview.find_linked(town, ids["ant"])

    judged = []
    judge = one_client.judge
    monkeypatch.setattr(
        one_client, "judge", lambda holder, *rest: judged.append(holder) or judge(holder, *rest)
    )

    young = client_overview.lint_client(town, linked, BOUNDS)
    clock.step(91 * DAY)
    for number in range(18):
        count(ids["ant"], f"urn:n:{number}", -90 * DAY, 1)
    audiences.disable_audience(town, "urn:n:18")
    old = client_overview.lint_client(town, linked, BOUNDS)

    assert [len(holder.idle) for holder in judged] == [0, 2]
    (many,) = young
    assert many.why.startswith("It may ask for 21 audiences")
    idle = {frozenset(one.concerns) for one in old if one.code == "permission-unused-90-days"}
    assert idle == {frozenset({"a_b"}), frozenset({"urn:n:19"})}
