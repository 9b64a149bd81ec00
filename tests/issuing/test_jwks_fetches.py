"""Who fetches the keys: names cut short, few of them, each fetch counted once and never lost."""

import threading

import pytest

from issuer.clock import Clock
from issuer.errors import TemporarilyUnavailable
from issuer.issuing.jwks_fetches import FORGET_SECONDS, MOST_NAMES, NOBODY, OTHERS, FetchNotes
from issuer.model.jwks_fetch import MAIN_DOCUMENT, JwksFetch
from issuer.store import db, jwks_fetches
from tests.conftest import START

TOKEN = "eyJhbGciOiJSUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


@pytest.fixture
def notes(engine, clock) -> FetchNotes:
    """Give notes of one process."""
    return FetchNotes(engine, clock)


@pytest.fixture
def kept(engine):
    """Give the function that returns what is written of a document, the last first."""

    def run(document: int = MAIN_DOCUMENT) -> list[JwksFetch]:
        with db.reading(engine) as connection:
            return list(jwks_fetches.list_fetches(connection, document))

    return run


def test_fetches_are_summed_by_document_and_user_agent(notes, kept, clock):
    notes.note(MAIN_DOCUMENT, "jose/v6.0.1")
    clock.step(5)
    notes.note(MAIN_DOCUMENT, "jose/v6.0.1")
    notes.note(7, "jose/v6.0.1")
    notes.note(MAIN_DOCUMENT, "Python-urllib/3.11")
    notes.write_once()
    clock.step(5)
    notes.note(MAIN_DOCUMENT, "jose/v6.0.1")
    notes.write_once()

    assert kept() == [
        JwksFetch(MAIN_DOCUMENT, "jose/v6.0.1", START, START + 10, 3),
        JwksFetch(MAIN_DOCUMENT, "Python-urllib/3.11", START + 5, START + 5, 1),
    ]
    assert kept(7) == [JwksFetch(7, "jose/v6.0.1", START + 5, START + 5, 1)]


def test_two_processes_add_up(engine, clock, kept):
    one, other = FetchNotes(engine, clock), FetchNotes(engine, clock)
    one.note(MAIN_DOCUMENT, "jose/v6")
    clock.step(1)
    other.note(MAIN_DOCUMENT, "jose/v6")

    other.write_once()
    one.write_once()

    assert kept() == [JwksFetch(MAIN_DOCUMENT, "jose/v6", START, START + 1, 2)]


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("Python-urllib/3.11", "Python-urllib/3.11"),
        ("okhttp/4.12.0 (internal build 7; host db1)", "okhttp/4.12.0"),
        (
            "Mozilla/5.0 (X11; Linux (x86_64)) Gecko/2010 Firefox/128.0",
            "Mozilla/5.0 Gecko/2010 Firefox/128.0",
        ),
        ("node", "node"),
        ("axios/1.7 axios/1.7", "axios/1.7"),
        (None, NOBODY),
        ("", NOBODY),
        ("(comment only)", OTHERS),
        (f"Bearer {TOKEN}", "Bearer"),
        (f"shop/{TOKEN}", OTHERS),
        ("shop client_secret=hunter2 alice:password", "shop"),
        ("<script>alert(1)</script> x", "x"),
        ("a\x00b\u202e\ud800 jose/v6", "jose/v6"),
        (" ".join(f"product{number}/1.0" for number in range(40)), "product0/1.0 product1/1.0"),
        ("x" * 60_000, OTHERS),
        ("(" * 60_000, OTHERS),
    ],
)
def test_of_a_user_agent_only_short_names_of_products_are_kept(notes, kept, sent, name):
    notes.note(MAIN_DOCUMENT, sent)
    notes.note(MAIN_DOCUMENT, sent)
    notes.write_once()

    (found,) = kept()
    assert found.user_agent.startswith(name)
    assert found.user_agent == name or len(sent or "") > 120
    assert len(found.user_agent) <= 120
    assert found.user_agent.isprintable()
    assert found.count == 2


def test_of_new_names_without_end_few_are_kept_and_all_fetches_counted(notes, kept):
    notes.note(MAIN_DOCUMENT, "honest/1.0")
    for number in range(1000):
        notes.note(MAIN_DOCUMENT, f"agent{number}/1.0")
        notes.note(MAIN_DOCUMENT, f"same/1.0 (comment {number})")
    notes.note(MAIN_DOCUMENT, "honest/1.0")
    notes.write_once()

    counts = {one.user_agent: one.count for one in kept()}
    assert len(counts) == MOST_NAMES + 1
    assert counts["honest/1.0"] == 2
    assert counts["same/1.0"] == 1000
    assert sum(counts.values()) == 2002
    assert len(notes._as_sent) <= 4 * MOST_NAMES


def test_names_that_were_written_keep_their_places_for_an_hour(notes, kept, clock):
    for number in range(MOST_NAMES):
        notes.note(MAIN_DOCUMENT, f"agent{number}/1.0")
    notes.write_once()
    notes.note(MAIN_DOCUMENT, "late/1.0")
    notes.write_once()
    assert "late/1.0" not in {one.user_agent for one in kept()}

    clock.step(FORGET_SECONDS + 1)
    notes.write_once()
    notes.note(MAIN_DOCUMENT, "late/1.0")
    notes.write_once()

    assert kept()[0].user_agent == "late/1.0"


def test_the_table_keeps_the_newest_two_hundred(notes, kept, clock, monkeypatch):
    monkeypatch.setattr("issuer.issuing.jwks_fetches.MOST_NAMES", 1000)
    for number in range(300):
        clock.step(1)
        notes.note(MAIN_DOCUMENT, f"agent{number}/1.0")
    notes.write_once()

    found = kept()
    assert len(found) == 200
    assert (found[0].user_agent, found[-1].user_agent) == ("agent299/1.0", "agent100/1.0")


def test_what_cannot_be_written_is_kept_for_the_next_time(notes, kept, clock, monkeypatch):
    def fail(_engine):
        notes.note(MAIN_DOCUMENT, "jose/v6")
        raise TemporarilyUnavailable("away")

    notes.note(MAIN_DOCUMENT, "jose/v6")
    clock.step(9)
    with monkeypatch.context() as patch:
        patch.setattr("issuer.issuing.jwks_fetches.writing", fail)
        with pytest.raises(TemporarilyUnavailable):
            notes.write_once()
    notes.write_once()

    assert kept() == [JwksFetch(MAIN_DOCUMENT, "jose/v6", START, START + 9, 2)]


def test_where_nothing_was_fetched_nothing_is_written(notes, monkeypatch):
    notes.note(MAIN_DOCUMENT, "jose/v6")
    notes.write_once()
    monkeypatch.setattr("issuer.issuing.jwks_fetches.writing", None)

    notes.write_once()


def test_no_fetch_is_lost_among_threads(engine, kept):
    notes, threads = FetchNotes(engine, Clock()), []
    for _ in range(4):
        threads.append(
            threading.Thread(target=lambda: [notes.note(MAIN_DOCUMENT, "jose/v6") for _ in range(2000)])
        )
        threads[-1].start()
    notes.write_once()
    for thread in threads:
        thread.join()
    notes.write_once()

    assert kept()[0].count == 8000
