"""What of a registry stands in its document."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from issuer.model.audience import AliasMode
from issuer.registry import aliases, audiences, clients, issuer_url, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.document import export, form, text
from issuer.registry.document.entries import Document
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService

ORDERS = "https://orders.example/"
API = "${ISSUER_URL}/api/v1"


def test_of_an_empty_registry_nothing_is_exported(registrar):
    assert export.export(registrar) == Document()


def test_a_registry_is_exported_as_people_would_write_it(registrar, orders, robot):
    permissions.grant_permission(
        registrar, NewPermission(robot.client_id, ORDERS, frozenset({"orders:read"}))
    )

    written = text.write(form.write(export.export(registrar)))

    assert (
        written
        == f"""\
version: 1
trust_groups: []
services:
- name: Shop
  owner: team-shop
  state: active
audiences:
- identifier: {ORDERS}
  service: Shop
  scopes:
  - name: orders:read
    description: Look at orders
  - name: orders:write
  signing_alg: RS256
  typ: at+jwt
  state: active
clients:
- client_id: {robot.client_id}
  name: Robot
  type: service
  grant_types:
  - client_credentials
  auth_method: client_secret_basic
  may_use_offline_access: false
  state: active
permissions:
- client_id: {robot.client_id}
  audience: {ORDERS}
  scopes:
  - orders:read
  subject: client
"""
    )


def test_no_secret_and_no_hash_is_exported(registrar):
    client, secret = clients.add_client(registrar, NewClient("Robot"))

    written = text.write(form.write(export.export(registrar)))

    assert secret not in written
    assert client.secrets[0].id not in written
    assert client.secrets[0].secret_hash.hex() not in written
    assert "secret" not in written.replace("client_secret_basic", "")


def test_what_is_removed_is_not_exported(registrar, orders, robot):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS))
    services.remove_service(registrar, "Shop")
    clients.remove_client(registrar, robot.client_id)

    assert export.export(registrar) == Document()


def test_a_successor_that_is_removed_is_not_exported(registrar, orders):
    audiences.add_audience(registrar, NewAudience("old", "Shop"))
    audiences.deprecate_audience(registrar, "old", ORDERS)
    audiences.remove_audience(registrar, ORDERS)

    (entry,) = export.export(registrar).audiences

    assert (entry.new.identifier, entry.state.value, entry.successor) == ("old", "deprecated", None)


def test_an_alias_that_was_taken_away_is_not_exported(registrar, orders):
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.DUAL)
    aliases.remove_alias(registrar, ORDERS, "old")

    assert export.export(registrar).audiences[0].aliases == ()


def test_audiences_stand_in_the_order_of_their_registration(registrar, shop):
    for name in ("c", "a", "b"):
        audiences.add_audience(registrar, NewAudience(name, "Shop"))

    assert [one.new.identifier for one in export.export(registrar).audiences] == ["c", "a", "b"]


@pytest.mark.parametrize("url", ["https://staging.example", "https://prod.example/auth"])
def test_the_admin_api_is_named_without_the_url_of_the_installation(registrar, engine, clock, robot, url):
    issuer_url.align(engine, url, clock)
    for identifier in (f"{url}/api/v1", "access"):
        permissions.grant_permission(registrar, NewPermission(robot.client_id, identifier))
    clients.change_client(registrar, robot.client_id, ClientChange(default_audience=f"{url}/api/v1"))

    document = export.export(registrar)

    assert {one.identifier for one in document.permissions} == {"access", API}
    assert document.clients[0].default_audience == API
    assert document.audiences == ()


def test_what_others_commit_meanwhile_is_not_seen(registrar, engine, shop, monkeypatch):
    """Of one moment: else a permission could stand there without its audience."""
    list_services = export.snapshot.services.list_services

    def list_and_let_others_in(connection):
        found = list_services(connection)
        with Session(engine) as session:
            services.add_service(replace(registrar, session=session), NewService("Late", "team"))
            audiences.add_audience(replace(registrar, session=session), NewAudience("late", "Late"))
        return found

    monkeypatch.setattr(export.snapshot.services, "list_services", list_and_let_others_in)

    document = export.export(registrar)

    assert [one.new.name for one in document.services] == ["Shop"]
    assert document.audiences == ()
