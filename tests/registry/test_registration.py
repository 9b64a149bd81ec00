"""A client with its permissions: all of it or nothing, and once for one form."""

import pytest

from issuer import hashing
from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.registry import client_secrets, clients, permissions, registration
from issuer.registry.clients import NewClient
from issuer.registry.registration import WantedAudience
from tests.conftest import START

ORDERS = "https://orders.example/"
SUFFIX = "abcd2345"


def test_a_client_is_registered_with_what_it_may_ask_for(registrar, orders, last_event):
    wanted = [WantedAudience(ORDERS, frozenset({"orders:read"})), WantedAudience("access")]

    client, secret = registration.register_client(
        registrar, NewClient("Robot", suffix=SUFFIX), wanted, ORDERS
    )

    assert client == clients.find_client(registrar, f"robot-{SUFFIX}")
    assert client.default_audience == orders.id
    assert [one.secret_hash for one in client.secrets] == [hashing.hash_secret(secret)]
    held = permissions.list_permissions(registrar, client.client_id)
    assert {one.audience.identifier: one.scopes for one in held} == {
        ORDERS: frozenset({"orders:read"}),
        "access": frozenset(),
    }
    assert last_event().action == "client.changed"


@pytest.mark.parametrize(
    ("wanted", "default", "refusal"),
    [
        ([WantedAudience(ORDERS, frozenset({"unknown"}))], None, InvalidValue),
        ([WantedAudience("https://nowhere.example")], None, NotFound),
        ([WantedAudience("refresh")], None, Locked),
        ([WantedAudience(ORDERS), WantedAudience("HTTPS://orders.example/")], None, InvalidValue),
        ([WantedAudience(ORDERS)], "access", InvalidValue),
    ],
    ids=["scope", "audience", "reserved", "twice", "default"],
)
def test_where_anything_is_refused_nothing_is_registered(registrar, orders, wanted, default, refusal):
    with pytest.raises(refusal):
        registration.register_client(registrar, NewClient("Robot"), wanted, default)

    assert clients.list_clients(registrar) == ()


def test_the_same_form_registers_one_client(registrar):
    registration.register_client(registrar, NewClient("Robot", suffix=SUFFIX), [])

    with pytest.raises(Conflict):
        registration.register_client(registrar, NewClient("Robot", suffix=SUFFIX), [])

    assert [one.client_id for one in clients.list_clients(registrar)] == [f"robot-{SUFFIX}"]


@pytest.mark.parametrize("suffix", ["", "ABCD2345", "abcd234", "abcd23456", "abcd/345", "abcd2345\n"])
def test_what_no_form_of_ours_bears_is_refused(registrar, robot, suffix):
    with pytest.raises(InvalidValue):
        clients.add_client(registrar, NewClient("Robot", suffix=suffix))
    with pytest.raises(InvalidValue):
        client_secrets.add_secret(registrar, robot.client_id, secret_id=suffix)


def test_the_same_form_makes_one_secret(registrar, robot):
    secret, _ = client_secrets.add_secret(registrar, robot.client_id, "next", secret_id=SUFFIX)

    with pytest.raises(Conflict):
        client_secrets.add_secret(registrar, robot.client_id, "next", secret_id=SUFFIX)

    assert secret.id == SUFFIX
    assert [one.label for one in clients.find_client(registrar, robot.client_id).secrets] == ["first", "next"]


def test_a_text_is_known_as_a_usable_secret_of_its_client_alone(registrar, robot, clock):
    secret, text = client_secrets.add_secret(registrar, robot.client_id, "", 1)
    other, others = clients.add_client(registrar, NewClient("Other"))

    assert client_secrets.is_secret_of(registrar, robot.client_id, text)
    assert not client_secrets.is_secret_of(registrar, robot.client_id, others)
    assert not client_secrets.is_secret_of(registrar, robot.client_id, "")
    clock.at = START + 24 * 3600
    assert not client_secrets.is_secret_of(registrar, robot.client_id, text)
    client_secrets.revoke_secret(registrar, other.client_id, other.secrets[0].id)
    assert not client_secrets.is_secret_of(registrar, other.client_id, others)
    assert secret.expires_at == clock.at
