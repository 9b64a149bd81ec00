"""The overview in numbers, on each database."""

from issuer.issuing.usage import UsageCounter
from issuer.model.overview import Counts
from issuer.model.usage import ISSUED
from issuer.registry import client_secrets, clients, permissions, services
from issuer.registry.clients import NewClient
from issuer.registry.listings import overview
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService

HOUR = 3600
DAY = 24 * HOUR


def count(engine, *seen):
    """Count answers to token requests: (client key, audience ids, outcome, at)."""
    usage = UsageCounter(engine)
    for client_key, audience_ids, outcome, at in seen:
        usage.count(at, client_key, audience_ids, "client_credentials", outcome)
    usage.write_once()


def test_of_an_empty_registry_nothing_is_counted(registrar):
    """The issuer's own service and audiences are there, and are nobody's work."""
    found = overview.find_counts(registrar)

    assert found == Counts(0, 0, 0, 0, False, 0, 0)
    assert not found.is_under_way


def test_what_is_registered_is_counted(registrar, orders, robot):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, "https://orders.example/"))

    found = overview.find_counts(registrar)

    assert (found.services, found.audiences, found.clients, found.permissions) == (1, 1, 1, 1)
    assert not found.is_under_way


def test_what_is_removed_or_revoked_is_not(registrar, orders, robot):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, "https://orders.example/"))
    permissions.revoke_permission(registrar, robot.client_id, "https://orders.example/")
    other, _ = clients.add_client(registrar, NewClient("Other"))
    clients.disable_client(registrar, other.client_id)
    clients.remove_client(registrar, other.client_id)
    services.add_service(registrar, NewService("Gone", "team"))
    services.disable_service(registrar, "Gone")
    services.remove_service(registrar, "Gone")

    found = overview.find_counts(registrar)

    assert (found.services, found.clients, found.permissions) == (1, 1, 0)


def test_tokens_and_refusals_of_a_day_are_counted(registrar, engine, clock, orders, robot):
    seen = [
        (robot.key, (orders.id,), ISSUED, clock.at),
        (robot.key, (orders.id,), ISSUED, clock.at - 22 * HOUR),
        (robot.key, (orders.id,), ISSUED, clock.at - 25 * HOUR),
        (robot.key, (), "invalid_target", clock.at),
    ]

    count(engine, *seen)

    found = overview.find_counts(registrar)
    assert (found.issued_in_a_day, found.refused_in_a_day, found.has_issued) == (2, 1, True)


def test_a_refusal_is_no_first_token(registrar, engine, clock, robot):
    count(engine, (robot.key, (), "invalid_target", clock.at))

    assert not overview.find_counts(registrar).has_issued


def test_clients_are_told_whose_last_secret_ends_soon_or_has_just_ended(registrar, clock, robot):
    """A secret without an end, one far ahead, a revoked one and a disabled client are no matter."""
    made = {
        name: clients.add_client(registrar, NewClient(name))[0] for name in ("Soon", "Over", "Far", "Off")
    }
    for name, ends_at in {"Soon": 3, "Over": 1, "Far": 30, "Off": 3}.items():
        client_id = made[name].client_id
        client_secrets.add_secret(registrar, client_id, "b", expires_in_days=ends_at)
        (first,) = made[name].secrets
        client_secrets.revoke_secret(registrar, client_id, first.id)
    clients.disable_client(registrar, made["Off"].client_id)
    clock.step(2 * DAY)

    found = overview.list_last_secrets(registrar)

    assert [(each.name, each.ends_at - clock.at) for each in found] == [("Over", -DAY), ("Soon", DAY)]
    clock.step(14 * DAY)
    assert [each.name for each in overview.list_last_secrets(registrar)] == ["Soon", "Far"]
