"""A list takes as many statements for many rows as for few."""

import pytest
from sqlalchemy import event

from issuer.model.audience import AliasMode, Scope
from issuer.model.audit_event import Actor, ActorKind
from issuer.registry import aliases, audiences, audit, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService
from issuer.store import audiences as audience_store
from issuer.store import client_records, db


@pytest.fixture
def registrar(session, clock, entropy):
    """Give a registrar."""
    return Registrar(session, Actor(ActorKind.SYSTEM, "test"), clock, entropy, "https://i.example", 3600)


@pytest.fixture
def client_id(registrar):
    """Give the client_id of a client with eight audiences of four services and what belongs to them."""
    client, _ = clients.add_client(registrar, NewClient("Robot"))
    for number in range(8):
        if number % 2 == 0:
            services.add_service(registrar, NewService(f"Service {number}", "team", f"group {number}"))
        name = f"https://a{number}.example"
        scopes = (Scope("read"), Scope("write"))
        audiences.add_audience(registrar, NewAudience(name, f"Service {number // 2 * 2}", scopes=scopes))
        aliases.add_alias(registrar, name, f"alias{number}", AliasMode.DUAL)
        permissions.grant_permission(
            registrar,
            NewPermission(client.client_id, name, frozenset({"read", "write"}), frozenset({"read"})),
        )
        clients.add_client(registrar, NewClient(f"Other {number}"))
    return client.client_id


@pytest.fixture
def count(engine):
    """Give the function that counts the statements a call takes, BEGIN left out."""

    def run(call):
        statements = []

        def note(_connection, _cursor, statement, *_rest):
            statements.append(statement)

        event.listen(engine, "before_cursor_execute", note)
        call()
        event.remove(engine, "before_cursor_execute", note)
        return len([statement for statement in statements if not statement.startswith("BEGIN")])

    return run


@pytest.mark.parametrize(
    ("list_all", "at_most"),
    [
        (services.list_services, 1),
        (audiences.list_audiences, 3),
        (clients.list_clients, 2),
        (permissions.list_permissions, 5),
        (audit.list_events, 1),
    ],
    ids=["services", "audiences", "clients", "permissions", "events"],
)
def test_a_list_is_a_bounded_number_of_statements(registrar, client_id, count, list_all, at_most):
    assert len(list_all(registrar)) > 4
    assert count(lambda: list_all(registrar)) == at_most


def test_a_record_is_seven_statements(engine, client_id, count):
    def find():
        with db.reading(engine) as connection:
            return client_records.find_record(connection, client_id)

    assert len(find().permissions) == 8
    assert count(find) == 7


def test_an_unknown_client_is_one_statement(engine, count):
    def find():
        with db.reading(engine) as connection:
            assert client_records.find_record(connection, "nobody") is None

    assert count(find) == 1


def test_the_directory_is_one_statement(engine, client_id, count):
    def find():
        with db.reading(engine) as connection:
            assert len(audience_store.list_identifiers(connection)) == 19

    assert count(find) == 1
