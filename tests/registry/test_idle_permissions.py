"""Permissions that nobody uses: which ones the database chooses, to the second."""

import pytest

from issuer.model.audience import AliasMode
from issuer.model.usage import ISSUED, UsageKey, UsageSum
from issuer.registry import aliases, audiences, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store import db, idle_permissions, usage
from tests.conftest import START

ORDERS, BILLING = "https://orders.example/", "https://billing.example/"
HOUR = 3600


@pytest.fixture
def town(registrar):
    """Give a registrar of two services with an audience each; Robot is permitted orders since START."""
    for name, identifier in (("Orders", ORDERS), ("Billing", BILLING)):
        services.add_service(registrar, NewService(name, "team"))
        audiences.add_audience(registrar, NewAudience(identifier, name))
    clients.add_client(registrar, NewClient("Robot"))
    permissions.grant_permission(registrar, NewPermission(find_robot(registrar).client_id, ORDERS))
    return registrar


def find_robot(registrar):
    """Return the client."""
    return clients.list_clients(registrar)[0]


def list_idle(registrar, engine, since):
    """Return which audiences Robot does not use, as the audience and as the client tell it."""
    robot = find_robot(registrar)
    orders = audiences.find_audience(registrar, ORDERS)
    with db.reading(engine) as connection:
        on_audience = idle_permissions.list_on_audience(connection, orders.id, since)
        of_client = idle_permissions.list_of_client(connection, robot.key, since)
    assert on_audience == of_client
    return [(one.client_id == robot.client_id, one.identifier, one.granted_at) for one in on_audience]


def count(registrar, engine, at, identifier=ORDERS, outcome=ISSUED, client_key=None):
    """Count a token request."""
    key = UsageKey(
        at - at % HOUR,
        client_key or find_robot(registrar).key,
        audiences.find_audience(registrar, identifier).id,
        "client_credentials",
        outcome,
    )
    with db.writing(engine) as connection:
        usage.add_counts(connection, {key: UsageSum(1, at, at + 900)})


@pytest.mark.parametrize(("since", "is_idle"), [(START - 1, False), (START, True), (START + 1, True)])
def test_a_permission_is_idle_from_the_second_at_which_it_is_old_enough(town, engine, since, is_idle):
    assert list_idle(town, engine, since) == ([(True, ORDERS, START)] if is_idle else [])


@pytest.mark.parametrize("second_of_hour", [0, 1, HOUR - 1])
@pytest.mark.parametrize(("later", "is_idle"), [(0, True), (1, False), (10 * HOUR, False), (-HOUR, True)])
def test_a_permission_is_idle_unless_it_was_used_later(town, engine, later, is_idle, second_of_hour):
    since = START - START % HOUR + 5 * HOUR + second_of_hour
    count(town, engine, since + later)

    assert bool(list_idle(town, engine, since)) is is_idle


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "invalid_scope"},
        {"identifier": BILLING},
        {"client_key": 4711},
    ],
)
def test_what_else_was_counted_is_no_use_of_it(town, engine, other):
    count(town, engine, START + 10 * HOUR, **other)

    assert list_idle(town, engine, START + HOUR) == [(True, ORDERS, START)]


def test_one_with_aliases_is_told_once_and_by_its_identifier(town, engine):
    aliases.add_alias(town, ORDERS, "https://old.example/", AliasMode.DUAL)

    assert list_idle(town, engine, START + HOUR) == [(True, ORDERS, START)]


def revoke(registrar):
    permissions.revoke_permission(registrar, find_robot(registrar).client_id, ORDERS)


@pytest.mark.parametrize(
    "close",
    [
        revoke,
        lambda registrar: audiences.disable_audience(registrar, ORDERS),
        lambda registrar: services.disable_service(registrar, "Orders"),
        lambda registrar: clients.disable_client(registrar, find_robot(registrar).client_id),
    ],
    ids=["revoked", "audience", "service", "client"],
)
def test_what_gives_no_token_anyway_is_left_out(town, engine, close):
    close(town)

    assert list_idle(town, engine, START + HOUR) == []


def test_a_deprecated_audience_still_gives_tokens(town, engine):
    audiences.deprecate_audience(town, ORDERS, None)

    assert list_idle(town, engine, START + HOUR) == [(True, ORDERS, START)]
