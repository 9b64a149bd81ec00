"""Who reads what of the audit: a service owner what is of the own services, others all or nothing."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from issuer.errors import NotAllowed, NotFound
from issuer.model.audience import AliasMode, Scope
from issuer.model.audit_event import Actor, ActorKind, AuditEvent
from issuer.model.listing import ListQuery
from issuer.model.user import Authority, Role
from issuer.registry import aliases, audiences, audit, clients, permissions, services
from issuer.registry.audiences import AudienceChange, NewAudience
from issuer.registry.listings import audit as pages
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService, ServiceChange

ORDERS, OLD, ALIAS, BILLING = (f"https://{name}.example" for name in ("orders", "old", "alias", "billing"))
SHOP, BANK = "Shop", "Bank"


def read_as(registrar: Registrar, role: Role, *owned: str) -> Registrar:
    """Return a registrar in the name of a user of a role."""
    authority = Authority(1, role, frozenset(owned), 0)
    return replace(registrar, actor=Actor(ActorKind.USER, "reader", "request-9", authority))


@pytest.fixture
def history(registrar: Registrar, robot: object) -> tuple[AuditEvent, ...]:
    """Give all events of two services, each with an audience, an alias and a permission."""
    client_id = robot.client_id
    for service, identifier in ((SHOP, OLD), (BANK, BILLING)):
        services.add_service(registrar, NewService(service, "team", "partners"))
        audiences.add_audience(registrar, NewAudience(identifier, service, scopes=(Scope("read"),)))
        permissions.grant_permission(registrar, NewPermission(client_id, identifier, frozenset({"read"})))
    aliases.add_alias(registrar, OLD, ALIAS, AliasMode.ACCEPT)
    aliases.remove_alias(registrar, OLD, ALIAS)
    aliases.rename_audience(registrar, OLD, ORDERS)
    audiences.change_audience(registrar, ORDERS, AudienceChange(description="Takes orders."))
    permissions.revoke_permission(registrar, client_id, ORDERS)
    services.change_service(registrar, BANK, ServiceChange(owner="team", trust_group=None))
    services.remove_service(registrar, BANK)
    clients.disable_client(registrar, client_id)
    return audit.list_events(registrar, limit=100)


def is_of_shop(event: AuditEvent) -> bool:
    """Return whether an event is one that the owner of the shop is to see, told without any statement."""
    fields = {**(event.before or {}), **(event.after or {})}
    return {
        "service": event.target == SHOP,
        "audience": event.target in {ORDERS, OLD},
        "permission": bool({ORDERS, OLD} & set(fields)),
    }.get(event.target_kind, False)


def read_every_way(reader: Registrar) -> list[list[AuditEvent]]:
    """Return what a reader sees: newest first, by page, and streamed."""
    return [
        list(audit.list_events(reader, limit=100)),
        list(pages.list_events(reader, ListQuery(size=100)).rows),
        list(pages.stream_events(reader, ListQuery())),
    ]


@pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.AUDITOR])
def test_who_answers_for_all_sees_all(registrar: Registrar, history: tuple[AuditEvent, ...], role: Role):
    assert read_every_way(read_as(registrar, role)) == [list(history)] * 3


def test_a_service_owner_sees_what_concerns_the_own_services(
    registrar: Registrar, history: tuple[AuditEvent, ...]
):
    reader = read_as(registrar, Role.SERVICE_OWNER, SHOP)

    expected = [event for event in history if is_of_shop(event)]

    assert read_every_way(reader) == [expected] * 3
    assert {"service.added", "audience.added", "permission.granted", "permission.revoked"} <= {
        event.action for event in expected
    }
    assert len(expected) < len(history)


def test_a_service_owner_of_two_sees_both_and_still_no_client(
    registrar: Registrar, history: tuple[AuditEvent, ...]
):
    seen = read_every_way(read_as(registrar, Role.SERVICE_OWNER, SHOP, BANK))[0]

    assert {event.target_kind for event in seen} == {"service", "audience", "permission"}
    kinds = {"service", "audience", "permission"}
    assert seen == [event for event in history if event.target_kind in kinds]


@pytest.mark.parametrize("owned", [(), ("Nowhere",)])
def test_a_service_owner_of_nothing_sees_nothing(
    registrar: Registrar, history: tuple[AuditEvent, ...], owned: tuple[str, ...]
):
    assert read_every_way(read_as(registrar, Role.SERVICE_OWNER, *owned)) == [[], [], []]


def test_no_search_or_filter_leads_beyond(registrar: Registrar, history: tuple[AuditEvent, ...]):
    reader = read_as(registrar, Role.SERVICE_OWNER, SHOP)

    for query in (
        ListQuery(search="billing", size=100),
        ListQuery(filters={"target": BILLING}, size=100),
        ListQuery(filters={"target_kind": "client"}, size=100),
        ListQuery(filters={"action": "service.removed"}, size=100),
    ):
        found = pages.list_events(reader, query)
        assert (found.rows, found.total) == ((), 0)
    assert audit.list_events(reader, limit=100, target=BILLING) == ()


def test_one_event_is_found_by_who_sees_it_and_is_not_there_for_others(
    registrar: Registrar, history: tuple[AuditEvent, ...]
):
    reader = read_as(registrar, Role.SERVICE_OWNER, SHOP)

    for event in history:
        if is_of_shop(event):
            assert pages.find_event(reader, event.id) == event
        else:
            with pytest.raises(NotFound):
                pages.find_event(reader, event.id)


@pytest.mark.parametrize("look", [
    audit.list_events, lambda r: pages.list_events(r, ListQuery()),
    lambda r: list(pages.stream_events(r, ListQuery())), lambda r: pages.find_event(r, 1),
], ids=["list", "page", "stream", "one"])  # fmt: skip
def test_who_has_not_signed_in_sees_nothing(visitor: Registrar, look: Callable[[Registrar], object]):
    with pytest.raises(NotAllowed):
        look(visitor)
