"""The last refusals: the newest of each client, whatever it sends and however fast."""

from dataclasses import replace

import pytest
from sqlalchemy import func, select

from issuer.errors import NotFound, TemporarilyUnavailable
from issuer.issuing.refusals import MOST_CLIENTS, MOST_OF_A_CLIENT, RefusalNotes
from issuer.model.audience import AliasMode
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.refusal_note import RefusalNote
from issuer.registry import aliases, audiences, clients, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.listings import activity
from issuer.registry.listings.activity import Span
from issuer.registry.registrar import Registrar
from issuer.registry.services import NewService
from issuer.store import db, refusals
from issuer.store.tables import RefusalRow
from tests.conftest import START
from tests.oauth.world import watching_statements

ORDERS = "https://orders.example"


@pytest.fixture
def registrar(session, clock, entropy):
    """Give a registrar with an audience under two spellings, and another."""
    made = Registrar(session, Actor(ActorKind.SYSTEM, "test"), clock, entropy, "https://i.example", 3600)
    services.add_service(made, NewService("Shop", "team"))
    audiences.add_audience(made, NewAudience(ORDERS, "Shop"))
    audiences.add_audience(made, NewAudience("stock", "Shop"))
    aliases.add_alias(made, ORDERS, "orders", AliasMode.ACCEPT)
    return made


@pytest.fixture
def robot(registrar):
    """Give a client."""
    return clients.add_client(registrar, NewClient("Robot"))[0]


@pytest.fixture
def note(robot):
    """Give a refusal."""
    return RefusalNote(
        START, robot.key, (ORDERS,), "client_credentials", "invalid_target", "why", "request-1", "192.0.2.1"
    )


@pytest.fixture
def notes(engine):
    """Give what keeps refusals."""
    return RefusalNotes(engine)


def _count(engine):
    with db.reading(engine) as connection:
        return connection.execute(select(func.count()).select_from(RefusalRow)).scalar_one()


def test_a_refusal_is_kept_whole(registrar, robot, note, notes):
    notes.note(note)
    notes.write_once()

    (kept,) = activity.list_client_refusals(registrar, robot.client_id)

    assert kept.note == note
    assert (kept.client_id, kept.client_name, kept.audience) == (robot.client_id, "Robot", ORDERS)
    assert activity.list_audience_refusals(registrar, ORDERS) == (kept,)
    assert activity.list_audience_refusals(registrar, "stock") == ()


@pytest.mark.parametrize(
    ("asked", "audience"),
    [
        (("HTTPS://ORDERS.example:443/",), ORDERS),
        (("orders",), ORDERS),
        (("Orders",), None),
        (("STOCK",), None),
        (("nowhere", "stock"), "stock"),
        (("https://orders.example/x",), None),
        ((), None),
    ],
)
def test_a_refusal_is_one_of_the_audience_that_was_asked_for(registrar, robot, note, notes, asked, audience):
    notes.note(replace(note, asked=asked))
    notes.write_once()

    (kept,) = activity.list_client_refusals(registrar, robot.client_id)

    assert kept.audience == audience


def test_texts_are_cut_and_hold_nothing_that_a_database_or_a_page_takes_amiss(registrar, robot, note, notes):
    odd = "a\0b\ud800c\u202ed"
    notes.note(
        replace(
            note,
            asked=(odd, *("x" * 300 for _ in range(50))),
            grant_type=odd * 100,
            reason=odd * 1000,
            request_id="r" * 300,
            address="\u202e" * 300,
        )
    )
    notes.write_once()

    (kept,) = activity.list_client_refusals(registrar, robot.client_id)

    assert kept.note.asked == ("a\ufffdb\ufffdc\ufffdd", *["x" * 255] * 3)
    assert len(kept.note.grant_type) == 64
    assert len(kept.note.reason) == 500
    assert kept.note.reason.isprintable()
    assert (len(kept.note.request_id), kept.note.address) == (255, "\ufffd" * 255)


def test_of_a_client_that_asks_in_a_loop_the_newest_are_kept_and_the_rest_counted(
    registrar, robot, note, notes
):
    for number in range(100):
        notes.note(replace(note, reason=str(number)))
    notes.write_once()

    kept = activity.list_client_refusals(registrar, robot.client_id)

    assert [one.note.reason for one in kept] == ["99", "98", "97"]
    assert [one.note.left_out for one in kept] == [0, 0, 97]
    assert notes.dropped == 97


def test_many_clients_at_once_leave_a_bounded_number(engine, note, notes):
    for number in range(10 * MOST_CLIENTS):
        for _ in range(10):
            notes.note(replace(note, client_key=number))
    notes.write_once()

    assert _count(engine) == MOST_CLIENTS * MOST_OF_A_CLIENT
    assert notes.dropped == 100 * MOST_CLIENTS - MOST_CLIENTS * MOST_OF_A_CLIENT


def test_noting_asks_the_database_nothing_and_writing_takes_five_statements(engine, note, notes):
    with watching_statements(engine) as statements:
        for _ in range(10):
            notes.note(note)
        assert statements == []
        notes.write_once()

    assert len([one for one in statements if not one.startswith("BEGIN")]) <= 5


def test_nothing_to_write_asks_nothing(engine, notes):
    with watching_statements(engine) as statements:
        notes.write_once()

    assert statements == []


def test_while_the_database_is_away_refusals_wait(registrar, robot, note, notes, monkeypatch):
    def fail(*_arguments):
        raise TemporarilyUnavailable("away")

    for number in range(5):
        notes.note(replace(note, reason=str(number)))
    with monkeypatch.context() as patch:
        patch.setattr("issuer.issuing.refusals.writing", fail)
        for _ in range(3):
            with pytest.raises(TemporarilyUnavailable):
                notes.write_once()
    notes.note(replace(note, reason="5"))
    notes.write_once()

    kept = activity.list_client_refusals(registrar, robot.client_id)
    assert [(one.note.reason, one.note.left_out) for one in kept] == [("5", 0), ("4", 0), ("3", 3)]


def test_what_waits_is_bounded_while_the_database_is_away(note, notes, monkeypatch):
    def fail(*_arguments):
        raise TemporarilyUnavailable("away")

    monkeypatch.setattr("issuer.issuing.refusals.writing", fail)
    for round_ in range(4):
        for number in range(2 * MOST_CLIENTS):
            for _ in range(5):
                notes.note(replace(note, client_key=1000 * round_ + number))
        with pytest.raises(TemporarilyUnavailable):
            notes.write_once()

    assert sum(len(each) for each in notes._waiting.values()) == MOST_CLIENTS * MOST_OF_A_CLIENT
    assert len(notes._left_out) <= MOST_CLIENTS


def test_the_table_keeps_the_newest(engine, registrar, robot, note, notes, monkeypatch):
    monkeypatch.setattr(refusals, "MOST_KEPT", 5)
    for number in range(4):
        for each in range(3):
            notes.note(replace(note, reason=f"{number}-{each}"))
        notes.write_once()

    kept = activity.list_client_refusals(registrar, robot.client_id)

    assert [one.note.reason for one in kept] == ["3-2", "3-1", "3-0", "2-2", "2-1"]
    assert _count(engine) == 5


def test_at_most_100_are_listed(registrar, robot, note, notes):
    for _ in range(40):
        for _ in range(3):
            notes.note(note)
        notes.write_once()

    assert len(activity.list_client_refusals(registrar, robot.client_id, 1000)) == 100
    assert len(activity.list_audience_refusals(registrar, ORDERS, 7)) == 7


def test_refusals_of_what_is_not_registered_are_not_found(registrar):
    with pytest.raises(NotFound):
        activity.list_client_refusals(registrar, "nobody")
    with pytest.raises(NotFound):
        activity.list_audience_refusals(registrar, "nothing")


def test_activity_of_an_audience_counts_what_was_left_out_too(registrar, note, notes):
    for _ in range(10):
        notes.note(note)
    notes.note(replace(note, asked=("stock",)))
    notes.write_once()

    found = activity.find_audience_activity(registrar, ORDERS, Span.DAY)

    assert found.total("invalid_target") == 10
    assert found.by_outcome["invalid_target"][-1] == 10
    assert len(found.by_outcome["invalid_target"]) == 24
