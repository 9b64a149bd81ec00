import pytest

from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.model.audience import AudienceState
from issuer.model.service import Service, ServiceState
from issuer.registry import audiences, clients, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store.registry_version import Concern, ConcernKind


def test_a_service_is_registered_as_given(registrar, clock):
    service = services.add_service(registrar, NewService("Shop", "team-shop", "commerce"))

    assert service == Service(
        id=service.id,
        name="Shop",
        owner="team-shop",
        trust_group="commerce",
        state=ServiceState.ACTIVE,
        is_builtin=False,
        created_at=clock.at,
        version=1,
    )
    assert services.find_service(registrar, "Shop") == service


def test_services_are_listed_by_name(registrar):
    services.add_service(registrar, NewService("Warehouse", "team"))
    services.add_service(registrar, NewService("Shop", "team"))

    listed = services.list_services(registrar)

    assert [service.name for service in listed] == ["Shop", "This issuer", "Warehouse"]


def test_an_unknown_service_is_not_found(registrar):
    with pytest.raises(NotFound):
        services.find_service(registrar, "shop")


def test_a_name_is_given_once(registrar, shop):
    with pytest.raises(Conflict):
        services.add_service(registrar, NewService("Shop", "others"))


def test_a_removed_service_keeps_its_name(registrar, shop):
    services.remove_service(registrar, "Shop")

    with pytest.raises(Conflict):
        services.add_service(registrar, NewService("Shop", "team-shop"))


@pytest.mark.parametrize(
    "new",
    [
        NewService("", "team"),
        NewService(" Shop", "team"),
        NewService("Shop\n", "team"),
        NewService("Sh\x00op", "team"),
        NewService("Sh\ud800op", "team"),
        NewService("Shop\u202egnp", "team"),
        NewService("S" * 101, "team"),
        NewService("Shop", ""),
        NewService("Shop", "te\tam"),
        NewService("Shop", "team", ""),
        NewService("Shop", "team", "com\rmerce"),
    ],
    ids=repr,
)
def test_text_that_breaks_a_log_or_a_page_is_refused(registrar, new):
    with pytest.raises(InvalidValue):
        services.add_service(registrar, new)


@pytest.mark.parametrize("name", ["<b>Shop</b>", "Læden ☕", "店", "Robert'); DROP TABLE service;--"])
def test_text_is_kept_as_typed(registrar, name):
    services.add_service(registrar, NewService(name, name))

    assert services.find_service(registrar, name).owner == name


def test_a_trust_group_takes_the_owner_of_its_first_service(registrar):
    services.add_service(registrar, NewService("Shop", "team-shop", "commerce"))

    second = services.add_service(registrar, NewService("Returns", "team-shop", "commerce"))

    assert second.trust_group == "commerce"
    with pytest.raises(Conflict) as refused:
        services.add_service(registrar, NewService("Spy", "others", "commerce"))
    assert "team-shop" in refused.value.detail


@pytest.mark.parametrize(
    "act",
    [services.disable_service, services.enable_service, services.remove_service],
    ids=lambda f: f.__name__,
)
def test_the_issuer_itself_is_locked(registrar, act):
    with pytest.raises(Locked):
        act(registrar, "This issuer")


@pytest.mark.parametrize(
    "act",
    [services.disable_service, services.enable_service, services.remove_service],
    ids=lambda f: f.__name__,
)
def test_a_service_that_is_not_there_is_not_found(registrar, act):
    with pytest.raises(NotFound):
        act(registrar, "Shop")


def test_a_service_is_disabled_and_enabled(registrar, shop):
    disabled = services.disable_service(registrar, "Shop")
    enabled = services.enable_service(registrar, "Shop")

    assert (disabled.state, disabled.version) == (ServiceState.DISABLED, 2)
    assert (enabled.state, enabled.version) == (ServiceState.ACTIVE, 3)


def test_disabling_a_service_concerns_everyone(registrar, shop, version, concerns):
    before = version()

    services.disable_service(registrar, "Shop")

    assert concerns(before) == {Concern(before + 1, ConcernKind.EVERYONE)}


def test_a_new_service_concerns_nobody(registrar, version, concerns):
    before = version()

    services.add_service(registrar, NewService("Shop", "team"))

    assert concerns(before) == {Concern(before + 1, ConcernKind.NOBODY)}


def test_disabling_twice_leaves_one_event_and_one_version(registrar, shop, version, last_event):
    first = services.disable_service(registrar, "Shop")
    event, raised = last_event(), version()

    second = services.disable_service(registrar, "Shop")

    assert second == first
    assert (last_event(), version()) == (event, raised)


def test_the_event_holds_what_differs(registrar, shop, last_event, clock):
    clock.step(60)

    services.disable_service(registrar, "Shop")

    event = last_event()
    assert (event.at, event.actor, event.action) == (clock.at, registrar.actor, "service.disabled")
    assert (event.target_kind, event.target) == ("service", "Shop")
    assert (event.before, event.after) == ({"state": "active"}, {"state": "disabled"})


@pytest.mark.parametrize("act", [services.disable_service, services.enable_service], ids=lambda f: f.__name__)
def test_removed_is_for_good(registrar, shop, act):
    services.remove_service(registrar, "Shop")

    with pytest.raises(Conflict):
        act(registrar, "Shop")


def test_removing_twice_is_once(registrar, shop, version):
    removed = services.remove_service(registrar, "Shop")
    raised = version()

    assert services.remove_service(registrar, "Shop") == removed
    assert version() == raised


def test_a_service_goes_with_its_audiences_permissions_and_links(registrar, shop, orders, robot):
    permissions.grant_permission(registrar, NewPermission(robot.client_id, orders.identifier))
    clients.change_client(registrar, robot.client_id, ClientChange(default_audience=orders.identifier))
    speaker, _ = clients.add_client(registrar, NewClient("Speaker", service="Shop"))

    removed = services.remove_service(registrar, "Shop")

    assert removed.state is ServiceState.REMOVED
    assert audiences.find_audience(registrar, orders.identifier).state is AudienceState.REMOVED
    assert permissions.list_permissions(registrar) == ()
    assert clients.find_client(registrar, robot.client_id).default_audience == orders.id
    assert clients.find_client(registrar, speaker.client_id).service is None


def test_a_removed_service_gets_no_audience(registrar, shop):
    services.remove_service(registrar, "Shop")

    with pytest.raises(Conflict):
        audiences.add_audience(registrar, NewAudience("orders", "Shop"))
