"""The demo's client with refresh tokens, and the one that asks about tokens for Orders."""

from issuer.model.client import GrantType
from issuer.registry import clients, demo, permissions, services
from issuer.registry.clients import NewClient


def test_one_client_gets_refresh_tokens_and_tokens_that_name_no_service(registrar):
    refreshing = demo.register(registrar).refreshing

    client = clients.find_client(registrar, refreshing.client_id)
    permitted = permissions.list_permissions(registrar, refreshing.client_id)
    assert client.may_use_offline_access
    assert client.grant_types == {GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN}
    assert [one.audience.identifier for one in permitted] == ["access"]


def test_one_client_speaks_for_orders_and_may_ask_for_nothing(registrar):
    speaker = demo.register(registrar).orders

    orders = services.find_service(registrar, "Orders")
    assert clients.find_client(registrar, speaker.client_id).service == orders.id
    assert permissions.list_permissions(registrar, speaker.client_id) == ()


def test_a_second_start_adds_no_client(registrar):
    first = demo.register(registrar)
    second = demo.register(registrar)

    assert [one.client_id for one in (first.refreshing, first.orders)] == [
        second.refreshing.client_id,
        second.orders.client_id,
    ]
    assert len(clients.list_clients(registrar)) == 4


def test_a_client_of_that_name_stays_as_it_is(registrar):
    mine, _ = clients.add_client(registrar, NewClient("demo-refreshing"))

    registered = demo.register(registrar)

    assert registered.refreshing.client_id == mine.client_id
    assert not clients.find_client(registrar, mine.client_id).may_use_offline_access
