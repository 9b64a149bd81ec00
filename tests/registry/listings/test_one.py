"""What lists tell of one thing alone, and what a form chooses from."""

import pytest

from issuer.errors import NotFound
from issuer.policy.lifetimes import Lifetimes
from issuer.registry import audiences, services
from issuer.registry.listings import audiences as audience_lists
from issuer.registry.listings import permissions

BOUNDS = Lifetimes(900, 3600)
LARGER_THAN_ANY_ID = 2**70


def test_one_audience_is_told_as_in_the_list(town, ids, count):
    count(ids["Robot"], "a_b", 60, 7)
    audience = audiences.find_audience(town, "a_b")

    listed = audience_lists.find_listed(town, audience, BOUNDS)

    assert (listed.audience, listed.clients, listed.use.total) == (audience, 2, 7)
    assert listed.lifetime.seconds == 900


def test_holders_of_scopes_are_counted(town, ids):
    held = permissions.count_holders(town, audiences.find_audience(town, "a_b"))

    assert held == {"read": 2, "write": 2}
    assert permissions.count_holders(town, audiences.find_audience(town, "a-b")) == {}


def test_names_of_services_to_choose_from_leave_out_what_takes_no_audience(town):
    services.remove_service(town, "Zoo")

    assert sorted(services.list_open_names(town)) == ["Shop", "bank"]
    assert sorted(services.list_all_names(town)) == ["Shop", "This issuer", "Zoo", "bank"]


@pytest.mark.parametrize("number", [0, 99_999, LARGER_THAN_ANY_ID])
def test_an_id_that_nothing_has_is_not_found(town, number):
    with pytest.raises(NotFound):
        services.find_service_by_id(town, number)
    with pytest.raises(NotFound):
        audiences.find_audience_by_id(town, number)


def test_ids_find_what_names_find(town):
    service, audience = services.find_service(town, "Shop"), audiences.find_audience(town, "a_b")

    assert services.find_service_by_id(town, service.id) == service
    assert audiences.find_audience_by_id(town, audience.id) == audience
