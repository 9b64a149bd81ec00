"""A service gets another owner, or another trust group."""

import pytest

from issuer.errors import Conflict, InvalidValue, Locked, NotFound
from issuer.registry import audiences, services
from issuer.registry.audiences import NewAudience
from issuer.registry.services import NewService, ServiceChange
from issuer.store.registry_version import Concern, ConcernKind


@pytest.fixture
def commerce(registrar):
    """Give a service that is alone in the trust group commerce."""
    return services.add_service(registrar, NewService("Returns", "team-shop", "commerce"))


@pytest.mark.parametrize(
    ("wanted", "owner", "trust_group"),
    [
        (ServiceChange(owner="team-desk"), "team-desk", None),
        (ServiceChange(trust_group="commerce"), "team-shop", "commerce"),
        (ServiceChange(trust_group="new"), "team-shop", "new"),
        (ServiceChange("team-desk", "new"), "team-desk", "new"),
    ],
    ids=repr,
)
def test_what_is_named_changes_and_the_rest_stays(registrar, shop, commerce, wanted, owner, trust_group):
    changed = services.change_service(registrar, "Shop", wanted)

    assert changed == services.find_service(registrar, "Shop")
    assert (changed.id, changed.state, changed.version) == (shop.id, shop.state, 2)
    assert (changed.owner, changed.trust_group) == (owner, trust_group)


def test_a_service_leaves_its_trust_group(registrar, commerce):
    changed = services.change_service(registrar, "Returns", ServiceChange(trust_group=None))

    assert changed.trust_group is None


@pytest.mark.parametrize(
    "wanted", [ServiceChange(), ServiceChange("team-shop", "commerce", expected_version=1)], ids=repr
)
def test_where_nothing_differs_nothing_is_written(registrar, commerce, wanted, version, last_event):
    event, raised = last_event(), version()

    same = services.change_service(registrar, "Returns", wanted)

    assert same == commerce
    assert (last_event(), version()) == (event, raised)


def test_a_change_concerns_everyone_and_is_audited(registrar, commerce, version, concerns, last_event):
    before = version()

    services.change_service(registrar, "Returns", ServiceChange("team-desk", trust_group=None))

    event = last_event()
    assert concerns(before) == {Concern(before + 1, ConcernKind.EVERYONE)}
    assert (event.action, event.target_kind, event.target) == ("service.changed", "service", "Returns")
    assert event.before == {"owner": "team-shop", "trust_group": "commerce"}
    assert event.after == {"owner": "team-desk", "trust_group": None}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Other", ServiceChange(trust_group="commerce")),
        ("Other", ServiceChange("others", "commerce")),
        ("Returns", ServiceChange(owner="others")),
    ],
    ids=repr,
)
def test_a_trust_group_is_of_one_owner(registrar, commerce, name, wanted):
    services.add_service(registrar, NewService("Other", "others"))
    before = services.find_service(registrar, name)

    with pytest.raises(Conflict, match=r"^conflict$") as refused:
        services.change_service(registrar, name, wanted)

    assert "the trust group commerce belongs to team-shop, not to others" in refused.value.detail
    assert services.find_service(registrar, name) == before


def test_extra_claims_that_clash_keep_a_service_out_of_a_group(registrar, shop, commerce):
    orders = NewAudience("orders", "Shop", extra_claims={"tier": 1})
    audiences.add_audience(registrar, orders)
    audiences.add_audience(registrar, NewAudience("returns", "Returns", extra_claims={"tier": 2}))

    with pytest.raises(Conflict) as refused:
        services.change_service(registrar, "Shop", ServiceChange(trust_group="commerce"))

    assert "tier" in refused.value.detail
    assert services.find_service(registrar, "Shop").trust_group is None


def test_extra_claims_of_removed_audiences_clash_with_none(registrar, shop, commerce):
    audiences.add_audience(registrar, NewAudience("orders", "Shop", extra_claims={"tier": 1}))
    audiences.add_audience(registrar, NewAudience("returns", "Returns", extra_claims={"tier": 2}))
    audiences.remove_audience(registrar, "orders")

    changed = services.change_service(registrar, "Shop", ServiceChange(trust_group="commerce"))

    assert changed.trust_group == "commerce"


@pytest.mark.parametrize(
    "wanted",
    [ServiceChange(owner=""), ServiceChange(owner="te\tam"), ServiceChange(trust_group="com\rmerce")],
    ids=repr,
)
def test_text_that_breaks_a_log_or_a_page_is_refused(registrar, shop, wanted):
    with pytest.raises(InvalidValue):
        services.change_service(registrar, "Shop", wanted)


def test_somebody_elses_change_is_not_overwritten(registrar, shop):
    services.change_service(registrar, "Shop", ServiceChange("team-desk"))

    with pytest.raises(Conflict):
        services.change_service(registrar, "Shop", ServiceChange("others", expected_version=shop.version))


def test_removed_is_for_good(registrar, shop):
    services.remove_service(registrar, "Shop")

    with pytest.raises(Conflict):
        services.change_service(registrar, "Shop", ServiceChange("team-desk"))


def test_the_issuer_itself_is_locked(registrar):
    with pytest.raises(Locked):
        services.change_service(registrar, "This issuer", ServiceChange("team-desk"))


def test_a_service_that_is_not_there_is_not_found(registrar):
    with pytest.raises(NotFound):
        services.change_service(registrar, "Shop", ServiceChange("team-desk"))
