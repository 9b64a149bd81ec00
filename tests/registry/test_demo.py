"""The demo: registered once, with new secrets at every start."""

import pytest

from issuer.errors import Conflict
from issuer.model.permission import PermittedSubject
from issuer.registry import audiences, client_secrets, clients, demo, permissions, services

_BOTH = (demo.ORDERS, demo.BILLING)


def _usable(registrar, client_id: str, now: int) -> list[str]:
    client = clients.find_client(registrar, client_id)
    return [secret.label for secret in client.secrets if secret.is_usable(now)]


def test_two_services_of_one_trust_group_are_registered(registrar):
    demo.register(registrar)

    added = [service for service in services.list_services(registrar) if not service.is_builtin]
    assert [(one.name, one.owner, one.trust_group) for one in added] == [
        ("Billing", "demo", "demo-shop"),
        ("Orders", "demo", "demo-shop"),
    ]
    scopes = [[scope.name for scope in audiences.find_audience(registrar, name).scopes] for name in _BOTH]
    assert scopes == [["orders:read", "orders:write"], ["billing:read"]]


def test_one_client_is_permitted_orders_and_one_both(registrar):
    registered = demo.register(registrar)

    permitted = [
        (one.client_id, one.audience.identifier, one.subject)
        for one in permissions.list_permissions(registrar)
        if not one.audience.is_reserved
    ]
    only, both = registered.orders_only.client_id, registered.both.client_id
    assert sorted(permitted) == sorted(
        (client_id, identifier, PermittedSubject.CLIENT)
        for client_id, identifier in ((only, demo.ORDERS), (both, demo.ORDERS), (both, demo.BILLING))
    )


def test_second_start_changes_nothing_but_the_secrets(registrar, clock):
    first = demo.register(registrar)
    second = demo.register(registrar)

    assert (first.both.client_id, first.orders_only.client_id) == (
        second.both.client_id,
        second.orders_only.client_id,
    )
    assert first.both.client_secret != second.both.client_secret
    assert len(clients.list_clients(registrar)) == 4
    assert _usable(registrar, first.both.client_id, clock.now()) == ["demo"]


def test_secrets_of_an_admin_stay(registrar, clock):
    client_id = demo.register(registrar).both.client_id
    client_secrets.add_secret(registrar, client_id, "mine")

    demo.register(registrar)

    assert sorted(_usable(registrar, client_id, clock.now())) == ["demo", "mine"]


def test_what_an_admin_changed_stays(registrar):
    client_id = demo.register(registrar).both.client_id
    permissions.revoke_permission(registrar, client_id, demo.BILLING)
    audiences.disable_audience(registrar, demo.ORDERS)

    demo.register(registrar)

    assert [one.audience.identifier for one in permissions.list_permissions(registrar, client_id)] == [
        demo.ORDERS
    ]
    assert audiences.find_audience(registrar, demo.ORDERS).state == "disabled"


def test_secret_is_in_no_repr(registrar):
    registered = demo.register(registrar)

    assert registered.both.client_secret not in repr(registered)


@pytest.mark.parametrize(("name", "trust_group"), [("Other", "demo-shop"), ("Orders", None)])
def test_name_of_another_owner_is_refused(registrar, name, trust_group):
    services.add_service(registrar, services.NewService(name, "somebody", trust_group))

    with pytest.raises(Conflict):
        demo.register(registrar)


def test_identifier_of_another_service_is_refused(registrar):
    services.add_service(registrar, services.NewService("Shop", "somebody"))
    audiences.add_audience(registrar, audiences.NewAudience(demo.BILLING, "Shop"))

    with pytest.raises(Conflict) as refused:
        demo.register(registrar)

    assert refused.value.detail.startswith(f"the audience {demo.BILLING} is removed or not the demo's;")


@pytest.mark.parametrize(
    ("remove", "name"),
    [(services.remove_service, "Orders"), (audiences.remove_audience, demo.ORDERS)],
    ids=["service", "audience"],
)
def test_what_was_removed_is_told_instead_of_lines_that_get_no_token(registrar, remove, name):
    demo.register(registrar)
    remove(registrar, name)

    with pytest.raises(Conflict) as refused:
        demo.register(registrar)

    assert name in refused.value.detail
    assert refused.value.detail.endswith("another ISSUER_DATA_DIR")
