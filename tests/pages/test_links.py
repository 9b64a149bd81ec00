"""One house: what a page names is a link to its page, and a finding leads to where it is mended."""

import re
from pathlib import Path

import pytest

from issuer.admin import advice
from issuer.admin.audit import TARGET_KINDS
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.listing import ListQuery
from issuer.model.user import Role
from issuer.policy import lint as rules
from issuer.registry import audiences, clients, permissions, services
from issuer.registry.clients import ClientChange
from issuer.registry.listings import audit
from issuer.registry.services import NewService
from issuer.store import audit as rows
from issuer.store import db, signing_keys
from tests.conftest import START
from tests.pages import client_town
from tests.pages.client_town import BILLING, ORDERS, Town
from tests.pages.signed_in import Member, sign_in_as

town = client_town.town

_CODES = re.compile(r'"((?:[a-z]+-)+[a-z]+)"')
_COUNTED = {"unused-30-days", "permission-unused-90-days"}


def links(member: Member, path: str) -> set[str]:
    """Return the addresses that a page links to."""
    answer = member.open(path)
    assert answer.status_code == 200
    return {each.replace("&amp;", "&") for each in re.findall(r'href="(/[^"#]*)"', answer.text)}


def event_of(town: Town, **filters: str) -> str:
    """Return the address of the newest event like that."""
    (event, *_) = audit.list_events(town.world.registrar, ListQuery(filters=filters)).rows
    return f"/admin/audit/{event.id}"


def _service_id(town: Town) -> int:
    """Return the id of the service that the robot speaks for from then on."""
    registrar = town.world.registrar
    clients.change_client(registrar, town.robot.client_id, ClientChange(service="Orders"))
    return services.find_service(registrar, "Orders").id


def test_the_first_steps_lead_to_where_they_are_taken(open_world):
    world = open_world()
    expected = {"/admin/services/new", "/admin/audiences/new", "/admin/clients/new", "/admin/preview"}

    assert expected <= links(sign_in_as(world), "/admin")
    auditors = links(sign_in_as(world, Role.AUDITOR), "/admin")
    assert not {each for each in auditors if each.endswith("/new")}


def test_tiles_and_changes_lead_to_what_they_count(town: Town):
    found = links(town.owner, "/admin")

    assert {"/admin/services", "/admin/audiences?sort=-clients", "/admin/audiences?sort=-tokens"} <= found
    assert event_of(town) in found


def test_an_event_of_a_key_leads_to_it(open_world):
    world = open_world()
    owner = sign_in_as(world)
    with db.reading(world.parts.engine) as connection:
        kid = next(key.kid for key in signing_keys.list_keys(connection) if key.public_jwk)
    for target in (kid, "nobody"):
        with db.writing(world.parts.engine) as connection:
            actor = Actor(ActorKind.SYSTEM, "tick")
            rows.add_event(connection, actor, "key.ended", "key", target, at=START, before=None, after={})
    newest, before = audit.list_events(world.registrar, ListQuery(filters={"target_kind": "key"})).rows[:2]

    assert f"/admin/keys/by-id/{kid}" in links(owner, f"/admin/audit/{before.id}")
    assert not [each for each in links(owner, f"/admin/audit/{newest.id}") if "by-id" in each]


def test_a_client_and_its_audience_lead_to_each_other(town: Town):
    audience, client = f"/admin/audiences/{town.audience_id(ORDERS)}", town.page

    callers = links(town.owner, f"{audience}/clients")
    access = links(town.owner, f"{client}/access")

    assert {client, f"{client}/access/{town.audience_id(ORDERS)}"} <= callers
    assert audience in access
    assert client in links(town.owner, f"/admin/services/{_service_id(town)}")
    assert f"{audience}/clients" in links(town.owner, f"{client}/access/{town.audience_id(ORDERS)}")


def test_of_many_findings_of_one_kind_some_are_shown_and_the_others_counted(open_world, clock):
    world = open_world()
    made = [f"https://a{number}.example" for number in range(8)]
    for identifier in made:
        world.add_audience(identifier, "read", service="Many")
    robot = world.add_client("Robot", *made)
    clock.step(91 * client_town.DAY)

    client = sign_in_as(world).open(f"/admin/clients/{robot.client_id}").text

    assert client.count("It got no token for https://a") == 5
    assert "3 more of <code>permission-unused-90-days</code> are not shown here; <code>issuer lint" in client
    assert client.count("not shown here") == 1


def test_of_many_findings_on_what_is_typed_some_are_shown_and_the_others_counted(town: Town):
    for letter in "abcdefgh":
        town.world.add_audience(f"https://x.example/customer{letter}x", service="Many")

    typed = {"identifier": "https://x.example/customers", "service": "", "service_name": "S", "owner": "o"}
    told = town.owner.send("/admin/audiences/check", **typed).text

    assert told.count("one may be a slip of the pen") == 5
    assert "3 more of <code>near-twin</code> are not shown here; <code>issuer audience lint" in told


def test_a_finding_on_a_client_names_it_at_the_audience(town: Town):
    registrar, world = town.world.registrar, town.world
    buyer = world.add_client("Buyer", ORDERS)
    for client in (town.robot, buyer):
        clients.change_client(registrar, client.client_id, ClientChange(default_audience=ORDERS))
    audiences.disable_audience(registrar, ORDERS)

    page = town.owner.open(f"/admin/audiences/{town.audience_id(ORDERS)}").text

    for name, client in (("Robot", town.robot), ("Buyer", buyer)):
        assert (
            f"<strong>{name} ({client.client_id}):</strong> Its default audience {ORDERS} cannot be had"
            in page
        )
    assert "<strong>Robot" not in town.owner.open(town.page).text


def test_a_service_that_nobody_owns_is_told_in_the_list_and_at_it(town: Town):
    registrar = town.world.registrar
    services.add_service(registrar, NewService("Lost", "nobody"))
    path = f"/admin/services/{services.find_service(registrar, 'Lost').id}"

    page, rows = town.owner.open(path).text, town.owner.open("/admin/services?q=Lost").text

    assert "no-owner" in page
    assert f'href="{path}/edit">Name the owner' in page
    assert "1 warning" in rows
    assert "1 warning" not in town.owner.open("/admin/services?q=Orders").text


def test_a_service_leads_to_its_own_audiences_and_no_others(town: Town):
    for number in range(21):
        town.world.add_audience(f"https://{number}.orders.example", service="Orders")
    town.world.add_audience("https://elsewhere.example", service="Orders too")
    service = services.find_service(town.world.registrar, "Orders")

    links_there = links(town.owner, f"/admin/services/{service.id}")

    assert "/admin/audiences?service=Orders" in links_there
    assert "elsewhere" not in town.owner.open("/admin/audiences?service=Orders").text


def test_what_is_closed_says_what_that_means(town: Town):
    registrar, path = town.world.registrar, f"/admin/audiences/{town.audience_id(ORDERS)}"
    service = f"/admin/services/{services.find_service(registrar, 'Billing').id}"
    audiences.disable_audience(registrar, ORDERS)
    disabled = town.owner.open(path).text
    audiences.remove_audience(registrar, ORDERS)
    services.remove_service(registrar, "Billing")

    assert "1 active client is permitted; none gets a token while it is disabled" in disabled
    assert f'class="button primary" href="{path}/danger">Enable audience' in disabled
    assert "Removed for good, with every permission on it." in town.owner.open(path).text
    assert "Removed for good, with its audiences" in town.owner.open(service).text
    assert "/admin/audiences?service=Billing&state=removed" in links(town.owner, service)


def test_a_client_leads_to_its_preview_and_that_back(town: Town):
    preview = f"/admin/preview?client_id={town.robot.client_id}"

    assert preview in links(town.owner, town.page)
    shown = links(town.owner, f"{preview}&resource={ORDERS}")
    assert {town.page, f"/admin/audiences/{town.audience_id(ORDERS)}"} <= shown


def test_a_refused_preview_leads_to_where_it_is_mended(town: Town):
    path = f"/admin/preview?client_id={town.robot.client_id}&resource=urn:none"

    assert f"{town.page}/access/new?q=urn:none" in links(town.owner, path)
    assert f"{town.page}/access/new?q=urn:none" not in links(town.become("auditor"), path)


def test_the_inspector_leads_to_what_the_token_names(town: Town):
    town.world.look()
    token = town.world.ask(town.robot, resource=ORDERS).token

    text = town.owner.send("/admin/inspector", token=token).text

    for path in (town.page, f"/admin/audiences/{town.audience_id(BILLING)}", "/admin/keys/by-id/"):
        assert f'href="{path}' in text.split("<main")[1]


def test_an_event_leads_to_what_it_changed(town: Town):
    audience, client = f"/admin/audiences/{town.audience_id(ORDERS)}", town.page
    permissions.revoke_permission(town.world.registrar, town.robot.client_id, ORDERS)

    revoked = links(town.owner, event_of(town, action="permission.revoked"))

    assert {audience, client} <= revoked
    assert audience in links(town.owner, event_of(town, action="audience.added", target=ORDERS))
    service = event_of(town, action="service.added", target="Orders")
    assert [each for each in links(town.owner, service) if each.startswith("/admin/services/")]


def test_an_event_of_a_user_leads_there_only_who_may_read_users(town: Town):
    assert town.owner.send("/admin/services/new", name="Ours", owner="Us").status_code == 303
    path, user = (
        event_of(town, action="service.added", target="Ours"),
        f"/admin/users/by-name/{town.owner.name}",
    )

    assert user in links(town.owner, path)
    assert user not in links(town.become("admin"), path)


@pytest.mark.parametrize("kind", TARGET_KINDS)
def test_an_event_outlives_what_it_names(town: Town, kind: str):
    with db.writing(town.world.parts.engine) as connection:
        actor = Actor(ActorKind.USER, "gone", "request-1")
        rows.add_event(
            connection, actor, "x.changed", kind, "gone", at=START, before=None, after={"gone": {}}
        )

    assert town.owner.open(event_of(town, action="x.changed")).status_code == 200


@pytest.mark.parametrize("code", sorted(_COUNTED | {
    code for path in Path(rules.__path__[0]).glob("*.py") for code in _CODES.findall(path.read_text())
} - {"at-jwt"}))  # fmt: skip
def test_every_finding_is_mended_in_the_console(code: str):
    assert code in advice.REMEDIES


def test_every_way_to_mend_is_a_page_there_is(town: Town):
    endpoints = {each.endpoint for each in advice.REMEDIES.values() if each.endpoint}

    assert endpoints <= set(town.world.app.view_functions)


def test_findings_name_no_command_and_lead_only_where_the_reader_may_go(town: Town):
    path = f"/admin/audiences/{town.audience_id(BILLING)}"
    permissions.revoke_permission(town.world.registrar, town.robot.client_id, BILLING)

    owners, auditors = town.owner.open(path).text, town.become("auditor").open(path).text

    assert "no-client" in owners
    assert f'href="{path}/clients/pick">Permit a client</a>' in owners.split('aria-label="Findings"')[1]
    assert "issuer permission" not in owners
    assert "no-client" in auditors
    assert "/clients/pick" not in auditors
