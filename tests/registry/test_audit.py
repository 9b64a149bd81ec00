import pytest

from issuer.errors import InvalidValue
from issuer.registry import audit, services
from issuer.registry.services import NewService


def test_events_come_newest_first_and_page_by_page(registrar):
    services.add_service(registrar, NewService("First", "team"))
    services.add_service(registrar, NewService("Second", "team"))
    services.add_service(registrar, NewService("Third", "team"))

    page = audit.list_events(registrar, limit=2)
    rest = audit.list_events(registrar, limit=2, before_id=page[-1].id)

    assert [event.target for event in page] == ["Third", "Second"]
    assert [event.target for event in rest] == ["First"]


def test_events_of_one_target(registrar):
    services.add_service(registrar, NewService("First", "team"))
    services.add_service(registrar, NewService("Second", "team"))
    services.disable_service(registrar, "First")

    events = audit.list_events(registrar, target="First")

    assert [event.action for event in events] == ["service.disabled", "service.added"]


def test_an_event_says_who_and_from_where(registrar, shop, clock, last_event):
    event = last_event()

    assert (event.at, event.actor) == (clock.at, registrar.actor)
    assert event.before is None
    assert event.after == {"owner": "team-shop", "trust_group": None, "state": "active"}


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_page_has_bounds(registrar, limit):
    with pytest.raises(InvalidValue):
        audit.list_events(registrar, limit=limit)
