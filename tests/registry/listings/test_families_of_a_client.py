"""One family is ended, the others stay; and what a client is shown of reuse."""

import pytest

from issuer.errors import NotFound
from issuer.model.family import EndReason, Incident
from issuer.model.listing import ListQuery
from issuer.registry import clients, families
from issuer.registry.listings import families as listing
from issuer.store import db
from issuer.store import families as store
from tests.conftest import START


@pytest.fixture
def reuse(town, engine):
    """Give the function that records the return of a spent refresh token of a client."""

    def add(client_id, family_id, at):
        key = clients.find_client(town, client_id).key
        incident = Incident(at, family_id, key, 3, 5, "192.0.2.9", "request-9", at - 60, "192.0.2.7")
        with db.writing(engine) as connection:
            store.add_incident(connection, incident)
        return incident

    return add


def _ended(registrar, client_id):
    rows = listing.list_families(registrar, client_id, ListQuery()).rows
    return {row.family.id: (row.family.ended_at, row.family.end_reason) for row in rows}


def test_one_family_is_ended_and_the_others_stay(town, ids, grow, last_event):
    grow(ids["Robot"], "f1", 10)
    grow(ids["Robot"], "f2", 10)

    assert families.end_family(town, ids["Robot"], "f1") is True

    assert _ended(town, ids["Robot"]) == {"f1": (START, EndReason.ADMIN), "f2": (None, None)}
    event = last_event()
    assert (event.action, event.target, event.after) == ("family.ended", ids["Robot"], {"family": "f1"})


def test_a_family_that_has_ended_is_left_as_it_is(town, ids, grow, clock, last_event):
    grow(ids["Robot"], "f1", 10, is_ended=True)
    before = last_event()
    clock.step(5)

    assert families.end_family(town, ids["Robot"], "f1") is False

    assert _ended(town, ids["Robot"]) == {"f1": (START, EndReason.ADMIN)}
    assert last_event() == before


def test_a_family_of_another_client_is_not_found(town, ids, grow):
    grow(ids["Robot"], "f1", 10)

    with pytest.raises(NotFound):
        families.end_family(town, ids["ant"], "f1")

    assert _ended(town, ids["Robot"]) == {"f1": (None, None)}


def test_incidents_of_a_client_come_newest_first_and_no_others(town, ids, reuse):
    old = reuse(ids["Robot"], "f1", START - 50)
    new = reuse(ids["Robot"], "f2", START - 5)
    reuse(ids["ant"], "f3", START - 1)

    assert families.list_incidents(town, ids["Robot"]) == (new, old)
    assert families.list_incidents(town, ids["Robot"], 1) == (new,)
    with pytest.raises(NotFound):
        families.list_incidents(town, "nobody")
