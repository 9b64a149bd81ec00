import pytest

from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.model.audience import AliasMode
from issuer.model.client import ClientId
from issuer.model.permission import Permission, PermittedSubject
from issuer.registry import aliases, audiences, clients, permissions, removal, services
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.powers import Power
from issuer.store import permissions as store
from issuer.store.registry_version import Concern, ConcernKind

ORDERS = "https://orders.example/"
READ = frozenset({"orders:read"})
BOTH = frozenset({"orders:read", "orders:write"})


def test_a_permission_is_granted_as_given(registrar, orders, robot, last_event, version, concerns):
    before = version()
    new = NewPermission(robot.client_id, ORDERS, BOTH, READ, PermittedSubject.BOTH)

    permission = permissions.grant_permission(registrar, new)

    assert permission == Permission(robot.client_id, orders, BOTH, READ, PermittedSubject.BOTH, 1)
    assert permissions.list_permissions(registrar) == (permission,)
    assert concerns(before) == {Concern(before + 1, ConcernKind.CLIENT, robot.key)}
    event = last_event()
    assert (event.action, event.target_kind, event.target) == (
        "permission.granted",
        "permission",
        robot.client_id,
    )
    assert event.before is None
    assert event.after == {
        ORDERS: {
            "scopes": ["orders:read", "orders:write"],
            "default_scopes": ["orders:read"],
            "subject": "both",
        }
    }


@pytest.mark.parametrize("spelling", ["https://ORDERS.example", "old"])
def test_any_spelling_names_the_audience(registrar, orders, robot, spelling):
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.ACCEPT)

    permission = permissions.grant_permission(registrar, NewPermission(robot.client_id, spelling))

    assert permission.audience.identifier == ORDERS


def test_a_permission_is_as_old_as_its_last_grant_after_a_revocation(registrar, orders, robot, clock):
    new = NewPermission(robot.client_id, ORDERS)
    permissions.grant_permission(registrar, new)
    pair, first = (robot.client_id, orders.id), clock.now()
    clock.step(60)
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS, READ))

    with registrar.reading() as connection:
        after_change = store.list_granted_at(connection)
    permissions.revoke_permission(registrar, robot.client_id, ORDERS)
    with registrar.reading() as connection:
        after_revocation = store.list_granted_at(connection)
    permissions.grant_permission(registrar, new)

    with registrar.reading() as connection:
        assert store.list_granted_at(connection) == {pair: first + 60}
    assert (after_change, after_revocation) == ({pair: first}, {})


def test_granting_again_replaces(registrar, orders, robot, last_event):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS, BOTH, READ))
    new = NewPermission(robot.client_id, ORDERS, READ, frozenset(), PermittedSubject.USER)

    permission = permissions.grant_permission(registrar, new)

    assert permission == Permission(robot.client_id, orders, READ, frozenset(), PermittedSubject.USER, 2)
    assert last_event().before[ORDERS]["subject"] == "client"
    assert last_event().after[ORDERS]["subject"] == "user"


def test_granting_the_same_twice_is_once(registrar, orders, robot, version):
    new = NewPermission(robot.client_id, ORDERS, BOTH, READ)
    first = permissions.grant_permission(registrar, new)
    raised = version()

    assert permissions.grant_permission(registrar, new) == first
    assert version() == raised


@pytest.mark.parametrize("identifier", ["access", "urn:issuer:api:v1"])
def test_reserved_audiences_but_one_may_be_permitted(registrar, robot, identifier):
    permission = permissions.grant_permission(registrar, NewPermission(robot.client_id, identifier))

    assert permission.audience.is_reserved


@pytest.mark.parametrize(
    ("new", "refusal"),
    [
        (NewPermission("robot-aaaaaaab", "refresh"), Locked),
        (NewPermission("robot-aaaaaaab", "nothing"), NotFound),
        (NewPermission("nobody", ORDERS), NotFound),
        (NewPermission("robot-aaaaaaab", ORDERS, frozenset({"nothing"})), InvalidValue),
        (NewPermission("robot-aaaaaaab", ORDERS, frozenset({"openid"})), InvalidValue),
        (NewPermission("robot-aaaaaaab", ORDERS, READ, BOTH), InvalidValue),
        (NewPermission("robot-aaaaaaab", ORDERS, frozenset(), READ), InvalidValue),
    ],
)
def test_a_permission_that_cannot_be_is_refused(registrar, orders, robot, version, new, refusal):
    raised = version()

    with pytest.raises(refusal):
        permissions.grant_permission(registrar, new)

    assert permissions.list_permissions(registrar) == ()
    assert version() == raised


@pytest.mark.parametrize(
    "remove",
    [
        lambda registrar: audiences.remove_audience(registrar, ORDERS),
        lambda registrar: services.remove_service(registrar, "Shop"),
    ],
    ids=["audience", "service"],
)
def test_nothing_is_permitted_on_what_is_removed(registrar, orders, robot, remove):
    remove(registrar)

    with pytest.raises(Conflict):
        permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS))


def test_a_permission_is_revoked_and_granted_afresh(registrar, orders, robot, last_event, version):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS, BOTH))

    permissions.revoke_permission(registrar, robot.client_id, ORDERS)

    event, raised = last_event(), version()
    assert (event.action, event.after) == ("permission.revoked", None)
    assert event.before[ORDERS]["scopes"] == ["orders:read", "orders:write"]
    assert permissions.list_permissions(registrar) == ()
    permissions.revoke_permission(registrar, robot.client_id, ORDERS)
    assert (last_event(), version()) == (event, raised)
    again = permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS))
    assert (again.scopes, again.version) == (frozenset(), 3)


def test_revoking_leaves_the_default_so_that_no_other_audience_takes_its_place(
    registrar, orders, robot, last_event
):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS))
    clients.change_client(registrar, robot.client_id, ClientChange(default_audience=ORDERS))

    permissions.revoke_permission(registrar, robot.client_id, ORDERS)

    assert clients.find_client(registrar, robot.client_id).default_audience == orders.id
    assert last_event().action == "permission.revoked"


def test_revoking_another_permission_leaves_the_default(registrar, orders, robot):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS))
    permissions.grant_permission(registrar, NewPermission(robot.client_id, "access"))
    clients.change_client(registrar, robot.client_id, ClientChange(default_audience=ORDERS))

    permissions.revoke_permission(registrar, robot.client_id, "access")

    assert clients.find_client(registrar, robot.client_id).default_audience == orders.id


@pytest.mark.parametrize(("client_id", "identifier"), [("nobody", ORDERS), ("robot-aaaaaaab", "nothing")])
def test_revoking_what_is_not_registered_is_refused(registrar, orders, robot, client_id, identifier):
    with pytest.raises(NotFound):
        permissions.revoke_permission(registrar, client_id, identifier)


def test_permissions_are_listed_by_client_then_registration(registrar, orders, robot):
    other, _ = clients.add_client(registrar, NewClient("Another"))
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS, READ))
    permissions.grant_permission(registrar, NewPermission(robot.client_id, "access"))
    permissions.grant_permission(registrar, NewPermission(other.client_id, ORDERS))

    def pairs(**chosen):
        found = permissions.list_permissions(registrar, **chosen)
        return [(one.client_id, one.audience.identifier) for one in found]

    everything = [(other.client_id, ORDERS), (robot.client_id, "access"), (robot.client_id, ORDERS)]
    assert pairs() == everything
    assert pairs(client_id=robot.client_id) == everything[1:]
    assert pairs(identifier=ORDERS) == [everything[0], everything[2]]
    assert pairs(client_id=other.client_id, identifier="access") == []


@pytest.mark.parametrize("chosen", [{"client_id": "nobody"}, {"identifier": "nothing"}], ids=repr)
def test_listing_for_what_is_not_registered_is_refused(registrar, chosen):
    with pytest.raises(NotFound):
        permissions.list_permissions(registrar, **chosen)


def test_a_permission_that_was_changed_meanwhile_is_not_replaced(registrar, orders, robot):
    first = permissions.grant_permission(
        registrar, NewPermission(robot.client_id, orders.identifier, expected_version=0)
    )
    second = permissions.grant_permission(
        registrar,
        NewPermission(robot.client_id, orders.identifier, READ, expected_version=first.version),
    )

    for version in (0, first.version):
        with pytest.raises(Conflict):
            permissions.grant_permission(
                registrar, NewPermission(robot.client_id, orders.identifier, expected_version=version)
            )

    assert permissions.list_permissions(registrar, robot.client_id) == (second,)


def test_a_permission_of_a_client_that_is_not_there_is_not_passed_over(registrar, orders, last_event):
    """What removes an audience must take back all that hangs on it, or nothing."""
    nobodys = Permission(ClientId("nobody"), orders, READ, frozenset(), PermittedSubject.CLIENT, 1)
    before = last_event()

    with pytest.raises(NotFound), registrar.change(Power.PERMISSIONS) as change:
        removal.revoke_permission(change, nobodys)

    assert last_event() == before
