"""Somebody else is faster by a moment: between what a page reads and what the registry changes."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from issuer.admin import stale_edit
from issuer.model.audience import Scope
from issuer.model.user import Role
from issuer.registry import audiences, clients, permissions, services, users
from issuer.registry.audiences import AudienceChange
from issuer.registry.clients import ClientChange
from issuer.registry.permissions import NewPermission
from issuer.registry.services import ServiceChange
from issuer.registry.users import UserChange
from tests.oauth.world import OpenWorld
from tests.pages.client_town import BILLING, ORDERS, Town, town
from tests.pages.signed_in import add_user, find_token, sign_in_as

__all__ = ["town"]

POLICY = {
    "access_token_seconds": "60", "refresh_idle_seconds": "", "refresh_absolute_seconds": "",
    "signing_alg": "RS256", "typ": "at+jwt", "extra_claims": "",
}  # fmt: skip
CLIENT = {
    "name": "Mine",
    "type": "service",
    "grant_types": "client_credentials",
    "auth_method": "client_secret_basic",
}
Act = Callable[[Town], object]


def _change_orders(**wanted: object) -> Act:
    return lambda town: audiences.change_audience(town.world.registrar, ORDERS, AudienceChange(**wanted))


def _grant(town: Town) -> object:
    wanted = NewPermission(town.robot.client_id, ORDERS, frozenset({"write"}))
    return permissions.grant_permission(town.world.registrar, wanted)


@dataclass(frozen=True, slots=True)
class Form:
    """A form that bears a version. typed: into it; act: what somebody else does meanwhile.

    differs: the row of the page that shows it. target: as the audit names what was changed.
    """

    path: str
    typed: dict[str, str]
    act: Act
    differs: tuple[str, str, str]
    target: str


def _rename_client(town: Town) -> object:
    wanted = ClientChange(name="Theirs")
    return clients.change_client(town.world.registrar, town.robot.client_id, wanted)


def _give_away(town: Town) -> object:
    return services.change_service(town.world.registrar, "Orders", ServiceChange(owner="theirs"))


def _promote(town: Town) -> object:
    return users.change_user(town.world.registrar, "bob", UserChange(Role.OWNER))


PERMISSION = {"scopes": "read", "subject": "client"}
SCOPES = ("Scopes", "read", "write")
FORMS = (
    Form(
        "{orders}/edit",
        {"description": "mine"},
        _change_orders(description="theirs"),
        ("Description", "mine", "theirs"),
        ORDERS,
    ),
    Form(
        "{orders}/token-policy/edit",
        POLICY,
        _change_orders(access_token_seconds=120),
        ("Access token lives (seconds)", "60", "120"),
        ORDERS,
    ),
    Form(
        "{orders}/scopes/edit?name=read",
        {"description": "mine"},
        _change_orders(add_scopes=(Scope("read", "theirs"),)),
        ("Description of read", "mine", "theirs"),
        ORDERS,
    ),
    Form(
        "{orders}/rename",
        {"identifier": "urn:mine"},
        _change_orders(description="theirs"),
        ("Identifier", "urn:mine", ORDERS),
        ORDERS,
    ),
    Form(
        "{orders}/deprecate",
        {"successor": BILLING},
        _change_orders(description="theirs"),
        ("Successor", BILLING, ""),
        ORDERS,
    ),
    Form("{orders}/clients/grant?client={client_id}", PERMISSION, _grant, SCOPES, "{client_id}"),
    Form("{client}/access/{orders_id}/permit", PERMISSION, _grant, SCOPES, "{client_id}"),
    Form("{client}/edit", CLIENT, _rename_client, ("Name", "Mine", "Theirs"), "{client_id}"),
    Form("{service}/edit", {"owner": "mine"}, _give_away, ("Owner", "mine", "theirs"), "Orders"),
    Form(
        "/admin/users/by-name/bob/edit",
        {"role": "auditor"},
        _promote,
        ("Role", "Auditor", "Owner"),
        "bob",
    ),
)


@pytest.fixture
def be_faster(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Give the function that lets something happen after a page has looked at the version of its form."""

    def arrange(act: Callable[[], object]) -> None:
        monkeypatch.setattr(stale_edit, "check", lambda form, version: act())

    return arrange


def _list_rows(page: str) -> list[tuple[str, ...]]:
    """Return field, yours and now of each row that differs."""
    rows = re.findall(r'<tr role="row" class="differs">(.*?)</tr>', page, re.DOTALL)
    plain = [re.sub(r'<span class="visually-hidden">[^<]*</span>', "", row) for row in rows]
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in plain]
    return [tuple(html.unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row) for row in cells]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.path)
def test_both_versions_are_shown_where_somebody_was_faster_by_a_moment(town: Town, be_faster, form: Form):
    orders = audiences.find_audience(town.world.registrar, ORDERS)
    add_user(town.world, "bob", Role.ADMIN)
    filled = {
        "orders": f"/admin/audiences/{orders.id}", "orders_id": orders.id, "client": town.page,
        "client_id": town.robot.client_id, "service": f"/admin/services/{orders.service.id}",
    }  # fmt: skip
    be_faster(lambda: form.act(town))

    answer = town.owner.send(form.path.format(**filled), version="1", **form.typed)

    assert answer.status_code == 409
    assert "<h1>Changed meanwhile</h1>" in answer.text
    assert form.differs in _list_rows(answer.text)
    audit = re.search(r'href="(/admin/audit\?target=[^"]*)">Its audit events', answer.text)[1]
    events = town.owner.open(html.unescape(audit)).text
    assert f">{form.target.format(**filled)}<" in events


def test_a_scope_that_somebody_else_added_a_moment_before_is_not_overwritten(town: Town, monkeypatch):
    real, orders = audiences.change_audience, audiences.find_audience(town.world.registrar, ORDERS)

    def change(registrar, identifier, wanted):
        real(town.world.registrar, ORDERS, AudienceChange(add_scopes=(Scope("pay", "theirs"),)))
        return real(registrar, identifier, wanted)

    monkeypatch.setattr(audiences, "change_audience", change)

    answer = town.owner.send(f"/admin/audiences/{orders.id}/scopes/new", name="pay", description="mine")

    assert answer.status_code == 409
    assert _list_rows(answer.text) == [("Description of pay", "mine", "theirs")]
    now = audiences.find_audience(town.world.registrar, ORDERS)
    assert Scope("pay", "theirs") in now.scopes


def test_the_way_back_leads_to_the_form_with_what_its_address_says(town: Town):
    orders = audiences.find_audience(town.world.registrar, ORDERS)
    address = f"/admin/audiences/{orders.id}/scopes/edit?name=read"

    answer = town.owner.send(address, description="mine", version="7")

    assert answer.status_code == 409
    assert f'href="{address}">Edit what is there now' in answer.text


def test_the_ways_on_hold_the_path_of_the_issuer(open_world: OpenWorld):
    world = open_world(url="https://x.example/auth")
    world.add_service("Orders")
    owner = sign_in_as(world)
    service = services.find_service(world.registrar, "Orders")
    address = f"/auth/admin/services/{service.id}/edit"
    token = find_token(owner.open("/auth/admin/step-up").text)

    answer = owner.ask("POST", address, data={"csrf_token": token, "owner": "mine", "version": "7"})

    assert answer.status_code == 409
    assert f'href="{address}">Edit what is there now' in answer.text
    assert 'href="/auth/admin/audit?target=Orders">' in answer.text


def test_what_differs_may_be_all_ones_own(town: Town):
    orders = audiences.find_audience(town.world.registrar, ORDERS)
    _change_orders(access_token_seconds=120)(town)

    answer = town.owner.send(f"/admin/audiences/{orders.id}/edit", description="mine", version="1")

    assert answer.status_code == 409
    assert f"Its version counts every change of {ORDERS}." in answer.text
    assert _list_rows(answer.text) == [("Description", "mine", "")]
