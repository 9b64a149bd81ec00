"""What a client may ask for: granted, changed and revoked where somebody may, and the default audience."""

import re

import pytest

from issuer.model.permission import PermittedSubject
from issuer.model.user import Role
from issuer.registry import audiences, permissions
from issuer.registry.permissions import NewPermission
from tests.pages.client_town import BILLING, ORDERS, Town, town

__all__ = ["town"]

THIRD = "urn:third"


def held(town: Town, identifier: str):
    """Return the permission on an audience, or None."""
    found = permissions.list_permissions(town.world.registrar, town.robot.client_id, identifier)
    return next(iter(found), None)


def version_of(page: str) -> str:
    """Return the version that the form of a page carries."""
    return re.search(r'name="version" type="hidden" value="(\d+)"', page).group(1)


@pytest.fixture
def third(town: Town) -> str:
    """Give the address of a third audience, which is not permitted yet."""
    town.world.add_audience(THIRD, "a", "b", "c", service="Orders")
    return f"{town.page}/access/{town.audience_id(THIRD)}"


def test_each_audience_is_told_with_scopes_and_the_origin_of_its_lifetime(town: Town):
    page = town.owner.open(f"{town.page}/access").text

    assert page.index(BILLING) < page.index(ORDERS)
    assert '<code class="chip">read</code><code class="chip">write</code>' in page
    assert '15 min <span class="origin">server default</span>' in page


def test_each_permission_has_a_way_to_edit_it_for_those_who_may(town: Town):
    edit = '<a class="button small" href="{}/access/{}">Edit'
    orders, billing = (edit.format(town.page, town.audience_id(each)) for each in (ORDERS, BILLING))
    members = (town.owner, town.become("auditor"), town.become("service_owner", "Billing"))

    pages = [member.open(f"{town.page}/access").text for member in members]

    assert [(orders in page, billing in page) for page in pages] == [
        (True, True),
        (False, False),
        (False, True),
    ]


def test_an_audience_that_gives_no_tokens_is_marked(town: Town):
    audiences.disable_audience(town.world.registrar, ORDERS)

    page = town.owner.open(f"{town.page}/access").text

    row = page[page.index(ORDERS) :]
    assert '<span class="badge bad">Disabled</span>' in row
    assert page.count('<span class="badge bad">') == 1


def test_without_permissions_the_tab_says_so(town: Town):
    lonely = town.world.add_client("Lonely")

    page = town.owner.open(f"/admin/clients/{lonely.client_id}/access").text

    assert "It may ask for nothing" in page
    assert "<table" not in page


def test_a_permission_is_granted_and_in_effect(town: Town, third: str):
    page = town.owner.open(third).text

    answer = town.owner.send(
        f"{third}/permit", version=version_of(page), scopes=["a", "b"], default_scopes="a", subject="client"
    )

    assert (answer.status_code, answer.headers["Location"]) == (303, f"{town.page}/access")
    permission = held(town, THIRD)
    assert (permission.scopes, permission.default_scopes) == ({"a", "b"}, {"a"})
    town.world.look()
    assert town.world.ask(town.robot, resource=THIRD).json["scope"] == "a"


def test_a_permission_is_changed(town: Town):
    address = f"{town.page}/access/{town.audience_id(ORDERS)}"
    page = town.owner.open(address).text

    assert re.search(r'name="scopes" value="read"[^>]*checked', page)
    answer = town.owner.send(f"{address}/permit", version=version_of(page), scopes="write", subject="both")

    assert answer.status_code == 303
    permission = held(town, ORDERS)
    assert (permission.scopes, permission.default_scopes) == ({"write"}, set())
    assert permission.subject is PermittedSubject.BOTH


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"scopes": "unknown"}, "is not a valid choice"),
        ({"scopes": "a", "default_scopes": "b"}, "Default scopes are part of the permitted ones; b is not."),
        ({"scopes": "a", "subject": "nobody"}, "Not a valid choice"),
    ],
)
def test_a_refused_permission_keeps_what_was_ticked(town: Town, third: str, fields, said: str):
    answer = town.owner.send(f"{third}/permit", **{"version": "0", "subject": "user", **fields})

    assert answer.status_code == 422
    assert said in answer.text.replace("&#39;", "'")
    assert held(town, THIRD) is None
    if fields["scopes"] == "a":
        assert re.search(r'name="scopes" value="a"[^>]*checked', answer.text)


def test_a_stale_permission_is_409_with_both_versions(town: Town):
    address = f"{town.page}/access/{town.audience_id(ORDERS)}"
    version = version_of(town.owner.open(address).text)
    new = NewPermission(town.robot.client_id, ORDERS, frozenset({"read"}), frozenset({"read"}))
    permissions.grant_permission(town.world.registrar, new)

    answer = town.owner.send(f"{address}/permit", version=version, scopes=["read", "write"], subject="client")

    assert answer.status_code == 409
    assert "read, write" in answer.text
    assert f'href="{address}"' in answer.text
    assert held(town, ORDERS).scopes == {"read"}


def test_the_audience_that_nobody_may_ask_for_cannot_be_permitted(town: Town):
    address = f"{town.page}/access/{town.audience_id('refresh')}"

    assert "/permit" not in town.owner.open(address).text
    answer = town.owner.send(f"{address}/permit", version="0", subject="client")
    assert answer.status_code == 422
    assert held(town, "refresh") is None


def test_a_revoked_permission_is_refused_at_once(town: Town):
    address = f"{town.page}/access/{town.audience_id(ORDERS)}"
    town.grow("f1")

    page = town.owner.open(address).text
    answer = town.owner.send(f"{address}/revoke")

    assert "1 refresh token family gives no more tokens for it." in page
    assert (answer.status_code, held(town, ORDERS)) == (303, None)
    town.world.look()
    assert town.world.ask(town.robot, resource=ORDERS).json["error"] == "invalid_target"


def test_the_default_audience_is_chosen_and_cleared(town: Town):
    town.owner.send(f"{town.page}/access/{town.audience_id(BILLING)}/default")
    chosen = town.client().default_audience
    page = town.owner.open(f"{town.page}/access").text
    town.owner.send(f"{town.page}/access/no-default")

    assert chosen == town.audience_id(BILLING)
    assert f"gets the default: <code>{BILLING}</code>" in page
    assert town.client().default_audience is None


def test_what_is_not_permitted_cannot_become_the_default(town: Town, third: str):
    answer = town.owner.send(f"{third}/default")

    assert (answer.status_code, town.client().default_audience) == (409, None)


def test_a_service_owner_permits_and_revokes_at_the_own_services_alone(town: Town, third: str):
    member = town.become(Role.SERVICE_OWNER, "Orders")
    billing = f"{town.page}/access/{town.audience_id(BILLING)}"

    granted = member.send(f"{third}/permit", version="0", scopes="a", subject="client")
    refused = [
        member.send(f"{billing}/permit", version="1", scopes="pay", subject="both"),
        member.send(f"{billing}/revoke"),
        member.send(f"{third}/default"),
    ]

    assert (granted.status_code, held(town, THIRD).scopes) == (303, {"a"})
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert held(town, BILLING).subject is PermittedSubject.CLIENT
    page = member.open(billing).text
    assert "/permit" not in page
    assert "/revoke" not in page
    assert member.send(f"{third}/revoke").status_code == 303
    assert held(town, THIRD) is None


def test_a_service_owner_picks_among_the_own_audiences(town: Town, third: str):
    member = town.become(Role.SERVICE_OWNER, "Orders")

    page = member.open(f"{town.page}/access/new").text
    own = member.open(f"{town.page}/access/new?service=Orders").text

    assert f'href="{third}"' in page
    assert "not yours to permit" in page
    assert BILLING not in own
    assert member.open(f"{town.page}/access/new?service=Billing").status_code == 400


def test_an_audience_that_is_not_there_is_not_found(town: Town):
    for number in ("99999", "9223372036854775807", "9223372036854775808", "-1", "x"):
        assert town.owner.open(f"{town.page}/access/{number}").status_code == 404


def test_a_removed_audience_cannot_be_permitted(town: Town, third: str):
    audiences.remove_audience(town.world.registrar, THIRD)

    assert "/permit" not in town.owner.open(third).text
    assert town.owner.send(f"{third}/permit", version="0", subject="client").status_code == 422
