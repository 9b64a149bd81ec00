"""Transactions of the registry: all or nothing, one after the other, on both databases."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from issuer.errors import Conflict, InvalidValue, RegistryRefusal, TemporarilyUnavailable
from issuer.model.audience import AliasMode, Scope
from issuer.registry import aliases, audiences, audit, clients, permissions, services
from issuer.registry.audiences import AudienceChange, NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.powers import Power
from issuer.registry.services import NewService


class SuddenError(Exception):
    """What a test raises in the midst of a change."""


@pytest.fixture
def together(registrar, engine):
    """Give the function that runs steps at once, each with a session of its own, and returns what came."""

    def run(*steps):
        gate = threading.Barrier(len(steps))

        def one(step):
            with Session(engine) as session:
                own = replace(registrar, session=session)
                gate.wait()
                try:
                    return step(own)
                except RegistryRefusal as refusal:
                    return refusal

        with ThreadPoolExecutor(len(steps)) as pool:
            return list(pool.map(one, steps))

    return run


def test_whatever_is_raised_leaves_all_as_it_was(registrar, version):
    raised = version()

    def fail():
        with registrar.change(Power.SERVICES) as change:
            change.record("service.added", "service", "Shop", None, {})
            change.concerns_everyone()
            raise SuddenError

    with pytest.raises(SuddenError):
        fail()

    assert version() == raised
    assert audit.list_events(registrar) == ()


def test_a_change_that_records_nothing_is_not_committed(registrar, version):
    raised = version()

    with registrar.change(Power.SERVICES) as change:
        change.concerns_everyone()

    assert version() == raised


def test_a_refused_change_lets_the_next_one_in(registrar, shop):
    with pytest.raises(Conflict):
        services.add_service(registrar, NewService("Shop", "team"))

    assert services.add_service(registrar, NewService("Other", "team")).name == "Other"


def test_every_change_raises_the_version_by_one(registrar, version):
    raised = version()

    services.add_service(registrar, NewService("First", "team"))
    services.add_service(registrar, NewService("Second", "team"))

    assert version() == raised + 2


def test_what_the_session_read_before_is_forgotten(registrar, engine, shop):
    services.list_services(registrar)
    with Session(engine) as session:
        services.add_service(replace(registrar, session=session), NewService("Second", "team"))

    assert services.find_service(registrar, "Second").owner == "team"


def test_of_two_that_register_one_identifier_one_is_refused(registrar, together, shop):
    found = together(
        lambda own: audiences.add_audience(own, NewAudience("https://o.example", "Shop")),
        lambda own: audiences.add_audience(own, NewAudience("https://O.example/", "Shop")),
        lambda own: (
            aliases.add_alias(own, "urn:o", "HTTPS://o.example:443", AliasMode.ACCEPT)
            if audiences.add_audience(own, NewAudience("urn:o", "Shop"))
            else None
        ),
    )

    assert sorted(isinstance(one, Conflict) for one in found) == [False, True, True]


def test_of_two_trust_groups_of_one_name_one_owner_wins(registrar, together):
    found = together(
        lambda own: services.add_service(own, NewService("A", "one", "group")),
        lambda own: services.add_service(own, NewService("B", "two", "group")),
    )

    assert sorted(isinstance(one, Conflict) for one in found) == [False, True]


def test_of_two_changes_of_one_version_one_is_refused(registrar, together, orders):
    found = together(
        lambda own: audiences.change_audience(
            own, orders.identifier, AudienceChange(description="one", expected_version=1)
        ),
        lambda own: audiences.change_audience(
            own, orders.identifier, AudienceChange(description="two", expected_version=1)
        ),
    )

    assert sorted(isinstance(one, Conflict) for one in found) == [False, True]
    assert audiences.find_audience(registrar, orders.identifier).version == 2


def test_changes_at_once_lose_none(registrar, together, orders):
    together(
        *(
            lambda own, name=f"scope:{number}": audiences.change_audience(
                own, orders.identifier, AudienceChange(add_scopes=(Scope(name),))
            )
            for number in range(6)
        )
    )

    changed = audiences.find_audience(registrar, orders.identifier)
    assert (len(changed.scopes), changed.version) == (8, 7)


def test_no_identifier_becomes_a_client_id_meanwhile(registrar, together, shop):
    """They are disjoint sets, whoever comes first."""
    found = together(
        lambda own: audiences.add_audience(own, NewAudience("robot-aaaaaaab", "Shop")),
        lambda own: clients.add_client(own, NewClient("Robot"))[0],
    )

    identifiers = {audience.identifier for audience in audiences.list_audiences(registrar)}
    assert found[1].client_id not in identifiers


def test_a_scope_is_either_permitted_or_removed(registrar, together, orders, robot):
    read = frozenset({"orders:read"})

    def grant(own):
        return permissions.grant_permission(own, NewPermission(robot.client_id, orders.identifier, read))

    def remove(own):
        return audiences.change_audience(own, orders.identifier, AudienceChange(remove_scopes=read))

    found = together(grant, remove)

    assert sorted(isinstance(one, Conflict | InvalidValue) for one in found) == [False, True]
    permitted = {scope for one in permissions.list_permissions(registrar) for scope in one.scopes}
    defined = {scope.name for scope in audiences.find_audience(registrar, orders.identifier).scopes}
    assert permitted <= defined


def test_a_database_that_stays_locked_is_unavailable(registrar, engine, shop):
    with (
        Session(engine) as session,
        replace(registrar, session=session).change(Power.SERVICES),
        pytest.raises(TemporarilyUnavailable),
    ):
        services.disable_service(registrar, "Shop")
