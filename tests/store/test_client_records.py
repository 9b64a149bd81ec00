import pytest

from issuer.model.audience import AliasMode, AudienceState, Scope
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.client import ClientState
from issuer.model.permission import ClientRecord
from issuer.model.service import ServiceState
from issuer.registry import aliases, audiences, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService
from issuer.store import audiences as audience_store
from issuer.store import client_records, db


@pytest.fixture
def registrar(session, clock, entropy):
    """Give a registrar with a service that has the audiences b and a, both permitted to one client."""
    registrar = Registrar(session, Actor(ActorKind.SYSTEM, "test"), clock, entropy, "https://i.example", 3600)
    services.add_service(registrar, NewService("Shop", "team"))
    audiences.add_audience(registrar, NewAudience("b", "Shop", scopes=(Scope("read"),)))
    audiences.add_audience(registrar, NewAudience("a", "Shop"))
    clients.add_client(registrar, NewClient("Robot"))
    permissions.grant_permission(registrar, NewPermission("robot-aaaaaaab", "a"))
    permissions.grant_permission(registrar, NewPermission("robot-aaaaaaab", "b", frozenset({"read"})))
    return registrar


@pytest.fixture
def find(registrar, engine):
    """Give the function that finds the client's record."""

    def find_record():
        with db.reading(engine) as connection:
            return client_records.find_record(connection, "robot-aaaaaaab")

    return find_record


def test_a_record_is_what_the_registry_tells(registrar, find):
    client = clients.find_client(registrar, "robot-aaaaaaab")
    permitted = permissions.list_permissions(registrar, client_id="robot-aaaaaaab")

    record = find()

    assert record == ClientRecord(client, permitted)
    assert [one.audience.identifier for one in record.permissions] == ["b", "a"]


def test_states_come_along_for_policy_to_refuse(registrar, find):
    services.disable_service(registrar, "Shop")
    audiences.disable_audience(registrar, "a")
    clients.disable_client(registrar, "robot-aaaaaaab")

    record = find()

    assert record.client.state is ClientState.DISABLED
    assert {one.audience.service.state for one in record.permissions} == {ServiceState.DISABLED}
    assert [one.audience.state for one in record.permissions] == [
        AudienceState.ACTIVE,
        AudienceState.DISABLED,
    ]


def test_a_revoked_permission_is_not_in_it(registrar, find):
    permissions.revoke_permission(registrar, "robot-aaaaaaab", "b")

    assert [one.audience.identifier for one in find().permissions] == ["a"]


def test_a_permission_revoked_while_the_record_is_read_is_whole_or_gone(registrar, find, monkeypatch):
    list_audiences = audience_store.list_audiences_where

    def revoke_first(*given):
        monkeypatch.setattr(audience_store, "list_audiences_where", list_audiences)
        permissions.revoke_permission(registrar, "robot-aaaaaaab", "b")
        return list_audiences(*given)

    monkeypatch.setattr(audience_store, "list_audiences_where", revoke_first)
    during, after = find(), find()

    assert [sorted(one.scopes) for one in during.permissions] == [["read"], []]
    assert [one.audience.identifier for one in after.permissions] == ["a"]


def test_a_removed_client_has_a_record_without_permissions(registrar, find):
    clients.remove_client(registrar, "robot-aaaaaaab")

    record = find()

    assert (record.client.state, record.permissions) == (ClientState.REMOVED, ())


def test_aliases_and_successors_are_filled_in(registrar, find, clock):
    aliases.rename_audience(registrar, "a", "new", clock.at + 5)
    audiences.deprecate_audience(registrar, "b", "a")

    first, second = (one.audience for one in find().permissions)

    assert (first.state, first.successor) == (AudienceState.DEPRECATED, "new")
    assert [alias.identifier for alias in second.aliases] == ["a"]


def test_every_identifier_is_told_with_its_state(registrar, engine):
    aliases.add_alias(registrar, "a", "old", AliasMode.ACCEPT)
    aliases.remove_alias(registrar, "a", "old")
    audiences.remove_audience(registrar, "b")
    services.disable_service(registrar, "Shop")

    with db.reading(engine) as connection:
        found = {one.identifier: one.state for one in audience_store.list_identifiers(connection)}

    assert found == {
        "access": "active",
        "refresh": "active",
        "urn:issuer:api:v1": "active",
        "a": "active, its service is disabled",
        "b": "removed, its service is disabled",
        "old": "an alias that was taken away",
    }
