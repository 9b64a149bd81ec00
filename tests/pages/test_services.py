"""Services in the console: the list, a new one, one whole, and its end."""

import csv
import io
import json
import re

import pytest

from issuer.model.user import Role
from issuer.registry import clients, services
from issuer.registry.clients import ClientChange
from tests.oauth.world import World
from tests.pages.signed_in import Member, sign_in_as

LIST = "/admin/services"
NEW = "/admin/services/new"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def world(open_world) -> World:
    return open_world()


@pytest.fixture
def owner(world: World) -> Member:
    return sign_in_as(world, Role.OWNER)


def address_of(world: World, name: str) -> str:
    return f"{LIST}/{services.find_service(world.registrar, name).id}"


def test_the_list_begins_with_the_issuer_itself(owner: Member):
    page = owner.open(LIST)

    assert page.status_code == 200
    assert "This issuer" in page.text
    assert f'href="{NEW}"' in page.text


def test_a_list_that_a_search_empties_says_so(owner: Member):
    assert "No services like that" in owner.open(f"{LIST}?q=nothing-is-called-so").text


def test_many_services_come_in_pages(world: World, owner: Member):
    for number in range(60):
        world.add_service(f"Service {number:02d}")

    page = owner.open(f"{LIST}?sort=-name").text

    assert "1\u201350 of 61" in page
    assert 'rel="next"' in page
    assert page.index("Service 59") < page.index("Service 20")


@pytest.mark.parametrize("query", ["sort=password", "after=forged", "state=unheard", "q=%00"])
def test_what_no_page_links_to_is_refused(owner: Member, query: str):
    assert owner.open(f"{LIST}?{query}").status_code == 400


def test_exports_hold_what_the_list_shows(world: World, owner: Member):
    world.add_service("Orders", "team-orders", "retail")
    world.add_service("=cmd()")

    as_csv = owner.open(f"{LIST}/export?format=csv&q=orders")
    as_json = owner.open(f"{LIST}/export?format=json")

    rows = list(csv.DictReader(io.StringIO(as_csv.text)))
    assert [(row["name"], row["trust_group"]) for row in rows] == [("Orders", "retail")]
    assert as_csv.headers["Content-Disposition"] == 'attachment; filename="services.csv"'
    assert {row["name"] for row in json.loads(as_json.text)} == {"This issuer", "Orders", "=cmd()"}
    assert "'=cmd()" in owner.open(f"{LIST}/export?format=csv").text


def test_an_export_without_a_format_is_refused(owner: Member):
    assert owner.open(f"{LIST}/export").status_code == 400


def test_a_service_is_registered(world: World, owner: Member):
    answer = owner.send(NEW, name="Orders", owner="team-orders", trust_group="retail")

    service = services.find_service(world.registrar, "Orders")
    assert (answer.status_code, answer.location) == (303, f"{LIST}/{service.id}")
    assert (service.owner, service.trust_group) == ("team-orders", "retail")
    assert "Orders is registered" in owner.open(answer.location).text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "", "owner": "team"}, "This is needed."),
        ({"name": "Orders", "owner": ""}, "This is needed."),
        ({"name": " Orders ", "owner": "team"}, "begins or ends with a space"),
        ({"name": "Or\u202eders", "owner": "team"}, "control character U+202E"),
        ({"name": "Or\x00ders", "owner": "team"}, "control character U+0000"),
        ({"name": "x" * 255, "owner": "team"}, "at most 100 characters"),
        ({"name": "This issuer", "owner": "team"}, "never given again"),
        ({"name": "Orders", "owner": "team", "trust_group": " "}, "begins or ends with a space"),
        ({"name": "Orders", "owner": "team", "trust_group": "bank"}, "belongs to bankers"),
    ],
)
def test_what_cannot_be_a_service_is_refused_and_stays_as_typed(
    world: World, owner: Member, fields: dict[str, str], said: str
):
    world.add_service("Bank", "bankers", "bank")

    answer = owner.send(NEW, **fields)

    assert answer.status_code == 422
    assert said in answer.text
    assert f'value="{fields["owner"]}"' in answer.text
    assert len(services.list_services(world.registrar)) == 2


def test_a_service_is_shown_with_all_that_belongs_to_it(world: World, owner: Member):
    world.add_service("Orders", "team", "retail")
    world.add_service("Billing", "team", "retail")
    world.add_audience("https://orders.example", "read", service="Orders")
    speaker = world.add_client("Speaker")
    clients.change_client(world.registrar, speaker.client_id, ClientChange(service="Orders"))

    page = owner.open(address_of(world, "Orders")).text

    for shown in ("https://orders.example", "Speaker", speaker.client_id, "Billing", "retail"):
        assert shown in page
    assert "1 audience of Orders" in page


def test_hostile_names_are_text(world: World, owner: Member):
    world.add_service(HOSTILE[:100], HOSTILE[:100])

    for page in (owner.open(LIST).text, owner.open(address_of(world, HOSTILE[:100])).text):
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page


def test_what_is_not_there_is_not_found(owner: Member):
    assert owner.open(f"{LIST}/99999").status_code == 404
    assert owner.open(f"{LIST}/{2**70}").status_code == 404


def test_owner_and_trust_group_are_changed(world: World, owner: Member):
    world.add_service("Orders", "team", "retail")
    address = f"{address_of(world, 'Orders')}/edit"

    answer = owner.send(address, owner="others", trust_group="", version="1")

    assert answer.status_code == 303
    service = services.find_service(world.registrar, "Orders")
    assert (service.owner, service.trust_group) == ("others", None)


def test_a_stale_edit_shows_both_versions(world: World, owner: Member):
    world.add_service("Orders", "team")
    address = f"{address_of(world, 'Orders')}/edit"
    services.change_service(world.registrar, "Orders", services.ServiceChange(owner="faster"))

    answer = owner.send(address, owner="slower", version="1")

    assert answer.status_code == 409
    assert "faster" in answer.text
    assert "slower" in answer.text
    assert services.find_service(world.registrar, "Orders").owner == "faster"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("This issuer", "This service is the issuer itself."),
        ("Orders", "This service is removed; that is for good, and its name stays taken."),
    ],
)
def test_what_nobody_can_change_shows_no_form(world: World, owner: Member, method: str, name: str, why: str):
    world.add_service("Orders", "team")
    services.remove_service(world.registrar, "Orders")
    address = address_of(world, name)

    answer = owner.ask(method, f"{address}/edit", data={"csrf_token": owner.find_token()})

    page = answer.text.split("<main")[1]
    assert answer.status_code == 403
    assert "<h1>This cannot be changed</h1>" in page
    assert why in page
    assert f'href="{address}">Back to' in page
    assert "<form" not in page


def test_a_refused_edit_keeps_what_was_typed(world: World, owner: Member):
    world.add_service("Bank", "bankers", "bank")
    world.add_service("Orders", "team")

    answer = owner.send(f"{address_of(world, 'Orders')}/edit", owner="typed", trust_group="bank", version="1")

    assert answer.status_code == 422
    assert 'value="typed"' in answer.text
    assert "belongs to bankers" in answer.text


def test_what_ends_is_told_before_the_buttons_and_of_a_disabled_service_nothing(world: World, owner: Member):
    world.add_audience("urn:orders", service="Orders")
    world.add_client("Robot", "urn:orders")
    address = address_of(world, "Orders")

    pages = [owner.open(address).text]
    services.disable_service(world.registrar, "Orders")
    pages.append(owner.open(address).text)

    told = [page.split('<h2 id="danger">Danger zone</h2>')[1].split("</div>")[0] for page in pages]
    left = "No live token is left. 0 tokens were issued in the last 24 hours."
    assert [re.sub(r"<[^>]+>", "", each).strip() for each in told] == [
        f"1 audience of Orders: 1 client loses it at once. {left} Removing takes away 1 permission for good.",
        f"Nobody gets tokens for its audiences now. {left} Removing takes away 1 permission for good.",
    ]


def test_a_service_is_disabled_and_enabled_again(world: World, owner: Member):
    world.add_service("Orders")
    address = address_of(world, "Orders")

    disabled = owner.send(f"{address}/disable")
    shown = owner.open(address).text
    state = services.find_service(world.registrar, "Orders").state.value
    enabled = owner.send(f"{address}/enable")

    assert (disabled.status_code, state, enabled.status_code) == (303, "disabled", 303)
    assert "No tokens are issued for its audiences" in shown
    assert services.find_service(world.registrar, "Orders").state.value == "active"


def test_a_service_is_removed_once_its_name_was_typed(world: World, owner: Member):
    world.add_service("Orders")
    address = address_of(world, "Orders")

    owner.send(f"{address}/remove", confirmed="orders")
    before = services.find_service(world.registrar, "Orders").state.value
    owner.send(f"{address}/remove", confirmed="Orders")

    assert before == "active"
    assert services.find_service(world.registrar, "Orders").state.value == "removed"
    assert owner.open(address).status_code == 200


def test_the_issuer_itself_is_locked(owner: Member):
    page = owner.open(f"{LIST}/1").text

    assert "nobody can change it" in page
    assert "Danger zone" not in page
    assert owner.open(f"{LIST}/1/edit").status_code == 403
    assert owner.send(f"{LIST}/1/disable").status_code == 403


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.SERVICE_OWNER])
def test_who_may_only_look_is_shown_no_button_and_refused(world: World, role: Role):
    world.add_service("Orders")
    address = address_of(world, "Orders")
    visitor = sign_in_as(world, role, ("Orders",) if role is Role.SERVICE_OWNER else ())

    page = visitor.open(address).text

    assert "Danger zone" not in page
    assert NEW not in visitor.open(LIST).text
    assert visitor.open(NEW).status_code == 403
    assert visitor.open(f"{address}/edit").status_code == 403
    for act in ("disable", "enable", "remove"):
        assert visitor.send(f"{address}/{act}", confirmed="Orders").status_code == 403
    assert services.find_service(world.registrar, "Orders").state.value == "active"


def test_nobody_sees_anything_without_signing_in(world: World):
    for path in (LIST, NEW, f"{LIST}/1", f"{LIST}/export?format=csv"):
        answer = world.http.get(path, "https://id.example")
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/admin/sign-in")
