"""The list of clients, and who may open which page of one."""

import csv
import io
import re

import pytest

from issuer.model.user import Role
from issuer.registry import client_secrets, clients, powers
from issuer.registry.powers import Power
from tests.oauth.world import ON_BOTH_DATABASES
from tests.pages.client_town import BILLING, ORDERS, Town, town
from tests.pages.signed_in import sign_in_as

__all__ = ["town"]

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
READ = ("", "/access", "/credentials", "/families", "/activity", "/danger", "/access/export?format=csv")
# Address below the client's, and the power that it takes; {billing}: an audience that it may ask for.
CHANGES = {
    "/edit": Power.CLIENTS,
    "/disable": Power.CLIENTS,
    "/enable": Power.CLIENTS,
    "/remove": Power.CLIENT_REMOVAL,
    "/access/no-default": Power.CLIENTS,
    "/access/{billing}/permit": Power.PERMISSIONS,
    "/access/{billing}/revoke": Power.PERMISSIONS,
    "/access/{billing}/default": Power.CLIENTS,
    "/credentials/new": Power.CLIENT_SECRETS,
    "/credentials/x/revoke": Power.CLIENT_SECRETS,
    "/env": Power.CLIENTS,
    "/families/end": Power.FAMILIES,
    "/families/x/end": Power.FAMILIES,
}


def test_without_clients_the_page_says_what_one_is(open_world):
    world = open_world()

    page = sign_in_as(world).open("/admin/clients").text
    read_only = sign_in_as(world, Role.AUDITOR).open("/admin/clients").text

    assert "No clients yet" in page
    assert page.count('href="/admin/clients/new"') == 2
    assert "<table" not in page
    assert "No clients yet" in read_only
    assert "/admin/clients/new" not in read_only


def test_a_row_tells_state_audiences_secrets_and_what_lint_finds(town: Town):
    lonely, idle = (town.world.add_client(name) for name in ("Lonely", "Idle"))
    silent = town.world.add_client("Silent", ORDERS)
    (secret,) = town.client(silent.client_id).secrets
    client_secrets.revoke_secret(town.world.registrar, silent.client_id, secret.id)
    client_secrets.add_secret(town.world.registrar, town.robot.client_id, "soon", 3)
    clients.disable_client(town.world.registrar, lonely.client_id)

    page = town.owner.open("/admin/clients").text

    assert page.index(lonely.client_id) < page.index(town.robot.client_id)
    assert "Expires in 3 days" in page
    assert "Disabled" in page
    assert 'data-label="Audiences" class="number">2<' in page
    badges = {
        name: _list_badges(page, each.client_id)
        for name, each in {"Robot": town.robot, "Lonely": lonely, "Idle": idle, "Silent": silent}.items()
    }
    assert badges == {
        "Robot": ["Active", "Expires in 3 days"],
        "Lonely": ["Disabled"],
        "Idle": ["Active", "1 note"],
        "Silent": ["Active", "1 warning", "None usable"],
    }


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("?q=ROBO", ["Robot"]),
        ("?state=disabled", ["Closed"]),
        ("?state=all&sort=-name", ["Robot", "Gone", "Closed"]),
        ("?type=web", []),
        ("?sort=-audiences&state=active", ["Robot"]),
    ],
)
def test_the_list_is_searched_filtered_and_sorted(town: Town, query: str, shown: list[str]):
    registrar = town.world.registrar
    clients.disable_client(registrar, town.world.add_client("Closed").client_id)
    clients.remove_client(registrar, town.world.add_client("Gone").client_id)

    page = town.owner.open(f"/admin/clients{query}").text

    found = [name for name in ("Robot", "Gone", "Closed") if f">{name}</a>" in page]
    assert sorted(found, key=lambda name: page.index(f">{name}</a>")) == shown
    assert ("No clients like that" in page) is (not shown)


@pytest.mark.parametrize(
    "query", ["?sort=secrets", "?state=lost", "?after=forged", "?x=1", "?q=a%00b", "?q=" + "a" * 256]
)
def test_what_no_page_asks_for_is_refused(town: Town, query: str):
    assert town.owner.open(f"/admin/clients{query}").status_code == 400


def test_the_second_page_begins_where_the_first_ends(town: Town):
    for number in range(60):
        town.world.add_client(f"Client {number:02d}")
    first = town.owner.open("/admin/clients?state=active").text
    address = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")

    second = town.owner.open(address)

    assert (second.status_code, "51\u201361 of 61" in second.text) == (200, True)
    assert ">Client 49</a>" in first
    assert ">Client 49</a>" not in second.text
    assert ">Client 50</a>" in second.text
    assert town.owner.open(address.replace("state=active", "state=all")).status_code == 400


def test_the_list_is_exported_as_csv_and_json_with_its_filters(town: Town):
    town.world.add_client("=1+1")

    table = town.owner.open("/admin/clients/export?format=csv&sort=name", buffered=True)
    array = town.owner.open("/admin/clients/export?format=json&q=robot", buffered=True)

    rows = list(csv.DictReader(io.StringIO(table.text)))
    assert [row["name"] for row in rows] == ["'=1+1", "Robot"]
    assert table.headers["Content-Disposition"] == 'attachment; filename="clients.csv"'
    assert table.headers["Cache-Control"] == "no-store"
    assert [(row["client_id"], row["audiences"]) for row in array.json] == [(town.robot.client_id, 2)]
    assert town.owner.open("/admin/clients/export").status_code == 400


def test_hostile_names_are_shown_as_text(town: Town):
    made = town.world.add_client(HOSTILE, ORDERS, tenant_id=HOSTILE)
    client_secrets.add_secret(town.world.registrar, made.client_id, HOSTILE)

    for path in ("/admin/clients", *(f"/admin/clients/{made.client_id}{each}" for each in READ[:-1])):
        page = town.owner.open(path).text

        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;alert(1)" in page


def _list_badges(page: str, client_id: str) -> list[str]:
    """Return the words of the badges in the row of a client."""
    (row,) = [each for each in page.split("<tr")[1:] if f">{client_id}</code>" in each]
    return re.findall(r'class="badge[^"]*">([^<]+)<', row)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("path", READ)
def test_every_role_reads(town: Town, role: Role, path: str):
    member = town.become(role, *(["Orders"] if role is Role.SERVICE_OWNER else []))

    assert member.open(town.page + path, buffered=True).status_code == 200


@pytest.mark.parametrize("path", CHANGES)
def test_a_role_without_the_power_is_refused_and_nothing_changes(town: Town, path: str):
    before = town.client()
    address = town.page + path.format(billing=town.audience_id(BILLING))

    for role in (Role.AUDITOR, Role.SERVICE_OWNER):
        owned = ["Orders"] if role is Role.SERVICE_OWNER else []
        answer = town.become(role, *owned).send(
            address, confirmed=before.client_id, subject="client", version="1"
        )

        assert answer.status_code == 403, role
        assert role is Role.SERVICE_OWNER or CHANGES[path] not in powers.POWERS[role]
    assert town.client() == before


@pytest.mark.parametrize("path", ["/admin/clients/new", *CHANGES])
def test_without_a_session_every_change_leads_to_the_sign_in(town: Town, path: str):
    address = path if path.startswith("/admin") else town.page + path.format(billing=1)
    token = town.owner.find_token()
    # The browser keeps its form token and loses its session.
    town.owner.http.delete_cookie(town.owner.cookie[0], domain="id.example")

    answer = town.owner.ask("POST", address, data={"csrf_token": token})

    assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (303, "/admin/sign-in")


@pytest.mark.parametrize("path", ["/admin/clients/new", *CHANGES])
def test_without_a_token_every_change_is_refused(town: Town, path: str):
    address = path if path.startswith("/admin") else town.page + path.format(billing=1)

    assert town.owner.ask("POST", address).status_code == 400
    assert town.client().state.value == "active"


@pytest.mark.parametrize(
    "path", ["", "/access", "/credentials", "/families", "/activity", "/danger", "/edit"]
)
def test_a_client_that_is_not_there_is_not_found(town: Town, path: str):
    answer = town.owner.open(f"/admin/clients/nobody-{'x' * 300}{path}")

    assert answer.status_code == 404


def test_a_service_owner_sees_no_button_that_would_be_refused(town: Town):
    member = town.become(Role.SERVICE_OWNER, "Orders")

    shown = {path: member.open(town.page + path).text for path in READ[:-1]}

    for path in ("", "/credentials", "/families", "/danger", "/activity"):
        assert '<form method="post" action="/admin/clients' not in shown[path], path
        assert "Edit</a>" not in shown[path]
    assert "Permit an audience" in shown["/access"]


@ON_BOTH_DATABASES
@pytest.mark.parametrize(
    "path",
    [
        "/admin/clients/a%00b",
        "/admin/clients/a%00b/access",
        "/admin/clients/{robot}/credentials/a%00b/revoke",
        "/admin/clients/{robot}/families/a%00b/end",
        "/admin/clients/%F0%9F%A4%96%E2%80%AE/edit",
    ],
)
def test_names_that_no_database_keeps_are_not_found(town: Town, path: str):
    address = path.format(robot=town.robot.client_id)

    answer = town.owner.send(address) if address.endswith(("revoke", "end")) else town.owner.open(address)

    assert answer.status_code == 404
