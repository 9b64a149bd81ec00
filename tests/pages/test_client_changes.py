"""A client is told, edited, disabled, enabled and removed."""

import re

import pytest

from issuer.model.client import AuthMethod, ClientState, ClientType, GrantType
from issuer.registry import clients
from issuer.registry.clients import ClientChange
from tests.pages.client_town import BILLING, ORDERS, Town, town
from tests.pages.test_client_access import version_of

__all__ = ["town"]

GIVEN = {
    "name": "Renamed",
    "type": "web",
    "grant_types": "client_credentials",
    "auth_method": "client_secret_post",
    "service": "Orders",
    "tenant_id": "acme",
    "access_token_max_seconds": "60",
}


def test_the_overview_tells_what_a_request_that_names_nothing_gets(town: Town):
    refused = town.owner.open(town.page).text
    wanted = ClientChange(default_audience=ORDERS, service="Billing", tenant_id="acme")
    clients.change_client(town.world.registrar, town.robot.client_id, wanted)
    town.world.look()

    page = town.owner.open(town.page).text

    assert "invalid_target" in refused
    facts = re.sub(r"<[^>]+>|\s+", " ", page.split("<h2>A request that names nothing gets")[1])
    assert "https://orders.example" in facts
    assert "read write" in re.sub(r"\s+", " ", facts)
    assert "Billing" in page
    assert "acme" in page


def test_the_overview_tells_what_lint_finds_and_where_to_mend_it(town: Town):
    lonely = town.world.add_client("Lonely")

    page = town.owner.open(f"/admin/clients/{lonely.client_id}").text

    assert "<code>no-permission</code>" in page
    assert f'href="/admin/clients/{lonely.client_id}/access/new">Permit an audience</a>' in page


def test_a_client_is_edited(town: Town):
    version = version_of(town.owner.open(f"{town.page}/edit").text)

    answer = town.owner.send(f"{town.page}/edit", version=version, **GIVEN)

    assert (answer.status_code, answer.headers["Location"]) == (303, town.page)
    client = town.client()
    assert (client.name, client.type, client.auth_method) == (
        "Renamed",
        ClientType.WEB,
        AuthMethod.CLIENT_SECRET_POST,
    )
    assert (client.tenant_id, client.access_token_max_seconds) == ("acme", 60)
    assert client.grant_types == {GrantType.CLIENT_CREDENTIALS}
    emptied = {**GIVEN, "service": "", "tenant_id": "", "access_token_max_seconds": ""}
    town.owner.send(f"{town.page}/edit", version=str(client.version), **emptied)
    client = town.client()
    assert (client.service, client.tenant_id, client.access_token_max_seconds) == (None, None, None)


@pytest.mark.parametrize(
    ("kind", "offered"),
    [
        (ClientType.SERVICE, ["service", "web", "device", "mcp"]),
        (ClientType.NATIVE, ["service", "web", "device", "mcp", "native"]),
    ],
)
def test_the_kinds_of_new_clients_are_offered_and_what_it_is_stays(
    town: Town, kind: ClientType, offered: list[str]
):
    clients.change_client(town.world.registrar, town.robot.client_id, ClientChange(type=kind))
    page = town.owner.open(f"{town.page}/edit").text

    answer = town.owner.send(f"{town.page}/edit", version=version_of(page), **{**GIVEN, "type": kind.value})

    assert re.findall(r'name="type"[^>]*value="(\w+)"', page) == offered
    assert (answer.status_code, town.client().type, town.client().name) == (303, kind, "Renamed")


def test_a_stale_edit_is_409_with_both_versions(town: Town):
    version = version_of(town.owner.open(f"{town.page}/edit").text)
    clients.change_client(town.world.registrar, town.robot.client_id, ClientChange(name="Theirs"))

    answer = town.owner.send(f"{town.page}/edit", version=version, **GIVEN)

    assert answer.status_code == 409
    assert ("Renamed" in answer.text, "Theirs" in answer.text) == (True, True)
    assert town.client().name == "Theirs"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": ""}, "This is needed."),
        ({"name": "a\u202eb"}, "control character U+202E"),
        ({"type": "robot"}, "Not a valid choice"),
        ({"type": "native"}, "Not a valid choice"),
        ({"grant_types": []}, "A client has at least one grant type."),
        ({"grant_types": "authorization_code"}, "is not a valid choice"),
        ({"service": "Nowhere"}, "No service Nowhere is registered"),
        ({"tenant_id": "t" * 256}, "at most 255 characters"),
        ({"access_token_max_seconds": "86401"}, "The cap of an access token"),
    ],
)
def test_each_refusal_stands_at_its_field_and_what_was_typed_is_kept(town: Town, fields, said: str):
    before = town.client()

    answer = town.owner.send(f"{town.page}/edit", version=str(before.version), **{**GIVEN, **fields})

    assert answer.status_code == 422
    assert said in answer.text.replace("&#39;", "'")
    assert 'class="error"' in answer.text
    assert 'value="Renamed"' in answer.text or "name" in fields
    assert town.client() == before


def test_a_disabled_client_gets_nothing_until_it_is_enabled(town: Town):
    outcomes = []
    for act in ("disable", "enable"):
        answer = town.owner.send(f"{town.page}/{act}")
        town.world.look()
        outcomes.append((answer.status_code, town.world.ask(town.robot, resource=ORDERS).status))
        assert "Enable client" in town.owner.open(f"{town.page}/danger").text or act == "enable"

    assert outcomes == [(303, 401), (303, 200)]


def test_the_consequence_of_closing_is_told_in_numbers(town: Town):
    town.grow("f1")

    page = town.owner.open(f"{town.page}/danger").text

    assert "It loses 2 audiences at once. 1 refresh token family gives no more tokens." in page
    assert "No live token is left." in page


def test_a_disabled_client_loses_nothing_at_once(town: Town):
    town.grow("f1")
    clients.disable_client(town.world.registrar, town.robot.client_id)

    page = town.owner.open(f"{town.page}/danger").text

    told = page.split('<h2 id="danger">Danger zone</h2>')[1].split("</div>")[0]
    assert re.sub(r"<[^>]+>", "", told).strip() == (
        "It gets no tokens now. No live token is left. 0 tokens were issued in the last 24 hours. "
        "Removing takes away 2 permissions for good."
    )
    assert "It loses" not in page
    assert ">2 audiences</a>" in town.owner.open(town.page).text


def test_a_client_is_removed_once_its_client_id_was_typed(town: Town):
    wrong = town.owner.send(f"{town.page}/remove", confirmed="Robot")
    still = town.client().state
    answer = town.owner.send(f"{town.page}/remove", confirmed=town.robot.client_id)

    assert (wrong.status_code, still) == (303, ClientState.ACTIVE)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/admin/clients")
    assert town.client().state is ClientState.REMOVED


@pytest.mark.parametrize("path", ["", "/access", "/credentials", "/families", "/activity", "/danger"])
def test_a_removed_client_is_shown_without_a_button_that_would_be_refused(town: Town, path: str):
    clients.remove_client(town.world.registrar, town.robot.client_id)

    page = town.owner.open(town.page + path).text

    assert "It is removed for good." in page
    assert '<form method="post" action="/admin/clients' not in page
    assert f"{town.page}/edit" not in page
    assert f"{town.page}/access/new" not in page


def test_the_form_of_a_removed_client_is_not_shown(town: Town):
    clients.remove_client(town.world.registrar, town.robot.client_id)

    answer = town.owner.open(f"{town.page}/edit")

    page = answer.text.split("<main")[1]
    assert answer.status_code == 403
    assert "This client is removed; that is for good, and its client_id stays taken." in page
    assert f'href="{town.page}">Back to' in page


def test_a_removed_client_is_not_changed(town: Town):
    clients.remove_client(town.world.registrar, town.robot.client_id)
    billing = town.audience_id(BILLING)

    answers = {
        path: town.owner.send(town.page + path, version="1", subject="client", form_id="abcd2345").status_code
        for path in ("/edit", "/disable", "/enable", f"/access/{billing}/permit", "/credentials/new")
    }

    assert answers == {
        "/edit": 403,
        "/disable": 409,
        "/enable": 409,
        f"/access/{billing}/permit": 409,
        "/credentials/new": 422,
    }


def test_activity_is_told_by_hour_with_the_last_refusals(town: Town):
    town.world.ask(town.robot, resource=ORDERS)
    town.world.ask(town.robot, resource="https://<script>.example")
    town.world.parts.usage.write_once()
    town.world.parts.refusals.write_once()

    page = town.owner.open(f"{town.page}/activity").text

    assert "1 token, 1 in the busiest hour" in page
    assert "invalid_target" in page
    assert "<script>.example" not in page
    for span in ("week", "month"):
        assert town.owner.open(f"{town.page}/activity?span={span}").status_code == 200
    for query in ("span=year", "span=day&x=1"):
        assert town.owner.open(f"{town.page}/activity?{query}").status_code == 400
