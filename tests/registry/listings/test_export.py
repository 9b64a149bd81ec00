"""Exports: every row, a piece at a time, and nothing that a spreadsheet would run."""

import csv
import json
from io import StringIO

import pytest

from issuer.model.listing import ListQuery
from issuer.policy.lifetimes import Lifetimes
from issuer.registry import clients, services
from issuer.registry.clients import NewClient
from issuer.registry.listings import audiences as audience_lists
from issuer.registry.listings import audit as audit_lists
from issuer.registry.listings import clients as client_lists
from issuer.registry.listings import export
from issuer.registry.listings import permissions as permission_lists
from issuer.registry.listings import services as service_lists
from issuer.registry.services import NewService
from tests.conftest import START

BOUNDS = Lifetimes(900, 86400)


def _read_csv(pieces):
    return list(csv.DictReader(StringIO("".join(pieces), newline="")))


def test_audiences_as_csv(town, ids, count):
    count(ids["Robot"], "a_b", 0, 3)
    rows = audience_lists.stream_audiences(town, ListQuery("a_b"), BOUNDS)

    (read,) = _read_csv(export.write_csv(export.AUDIENCES, rows))

    assert read == {
        "identifier": "a_b",
        "service": "Zoo",
        "owner": "zoo",
        "description": "About <a_b>",
        "state": "active",
        "is_reserved": "false",
        "scopes": "read write",
        "clients": "2",
        "access_token_seconds": "900",
        "access_token_seconds_from": "server default",
        "signing_alg": "RS256",
        "typ": "at+jwt",
        "tokens_24_hours": "3",
        "last_token_at": str(START),
        "created_at": str(START),
    }


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x";"y")'])
def test_no_cell_begins_as_a_formula(registrar, name):
    services.add_service(registrar, NewService(name, name))
    clients.add_client(registrar, NewClient(name))

    in_services = _read_csv(
        export.write_csv(export.SERVICES, service_lists.stream_services(registrar, ListQuery(name)))
    )
    in_clients = _read_csv(
        export.write_csv(export.CLIENTS, client_lists.stream_clients(registrar, ListQuery(name)))
    )

    assert [(row["name"], row["owner"]) for row in in_services] == [(f"'{name}", f"'{name}")]
    assert [row["name"] for row in in_clients] == [f"'{name}"]


@pytest.mark.parametrize("text", ["\tx", "\rx", "=x"])
def test_what_begins_with_a_tab_or_a_return_is_defused_too(text):
    table = export.Table({"text": lambda row: row, "list": lambda row: [row]})

    (read,) = _read_csv(export.write_csv(table, [text]))

    assert read == {"text": f"'{text}", "list": f"'{text}"}


@pytest.mark.parametrize("text", ["a=b", "x-1", '"', "a,b", "a\nb", "'", "ä", " =x", ""])
def test_other_cells_come_back_as_they_are(text):
    table = export.Table({"text": lambda row: row, "number": lambda row: -1, "none": lambda row: None})

    (read,) = _read_csv(export.write_csv(table, [text]))

    assert read == {"text": text, "number": "-1", "none": ""}


def test_an_empty_list_is_a_line_of_names_and_an_empty_array(town):
    def none():
        return client_lists.stream_clients(town, ListQuery("nobody"))

    assert len("".join(export.write_csv(export.CLIENTS, none())).splitlines()) == 1
    assert json.loads("".join(export.write_json(export.CLIENTS, none()))) == []
    assert list(export.write_ndjson(export.CLIENTS, none())) == []


def test_json_is_one_array_of_all(town, ids):
    pieces = export.write_json(
        export.PERMISSIONS, permission_lists.stream_on_audience(town, "a_b", ListQuery(), BOUNDS)
    )

    ant, robot = json.loads("".join(pieces))

    assert ant == {
        "client_id": ids["ant"],
        "client": "ant",
        "client_state": "active",
        "audience": "a_b",
        "service": "Zoo",
        "scopes": ["read", "write"],
        "default_scopes": ["read"],
        "subject": "client",
        "access_token_seconds": 900,
        "access_token_seconds_from": "server default",
        "granted_at": START,
        "last_token_at": None,
    }
    assert robot["client"] == "Robot"


def test_the_audit_log_is_one_object_a_line_with_before_and_after(town):
    lines = list(export.write_ndjson(export.AUDIT, audit_lists.stream_events(town, ListQuery())))

    removed = next(event for event in map(json.loads, lines) if event["action"] == "audience.removed")
    assert all(line.endswith("\n") and line.count("\n") == 1 for line in lines)
    assert removed == {
        "id": removed["id"],
        "at": START,
        "actor_kind": "terminal",
        "actor": "alice",
        "action": "audience.removed",
        "target_kind": "audience",
        "target": "gone",
        "before": {"state": "active"},
        "after": {"state": "removed"},
        "request_id": "request-1",
    }


def test_an_export_holds_no_secret(town, ids):
    text = "".join(export.write_json(export.CLIENTS, client_lists.stream_clients(town, ListQuery())))

    assert "secret_hash" not in text
    assert "isr_" not in text


def test_rows_are_read_as_they_are_asked_for(town, monkeypatch):
    monkeypatch.setattr("issuer.registry.listings.page_size.BATCH_ROWS", 1)
    asked = []
    find = service_lists._find
    monkeypatch.setattr(service_lists, "_find", lambda *rest: asked.append(1) or find(*rest))

    pieces = export.write_csv(export.SERVICES, service_lists.stream_services(town, ListQuery()))

    assert (next(pieces) != "", len(asked)) == (True, 0)
    next(pieces)
    assert len(asked) == 1
