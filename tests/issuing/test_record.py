"""The record of every answer: a row where asked for, then a line, then a count."""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, exc, select

from issuer.errors import InvalidClient, InvalidTarget, TemporarilyUnavailable
from issuer.issuing.record import Context, Recorder
from issuer.issuing.refusals import RefusalNotes
from issuer.issuing.usage import UsageCounter
from issuer.logs import EventLog
from issuer.model.client import Client
from issuer.model.token_plan import TokenPlan
from issuer.store.db import reading
from issuer.store.tables import IssuanceRow, UsageRow
from tests.conftest import START
from tests.unit.policy import builders

NOW = START
HOUR = NOW - NOW % 3600
ORDERS = "https://orders.example"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[int]:
    """Give the descriptor of the log."""
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    yield descriptor
    os.close(descriptor)


@pytest.fixture
def lines(sink: int, tmp_path: Path) -> Callable[[], list[dict]]:
    """Give a function that returns the lines of the log."""
    return lambda: [json.loads(line) for line in (tmp_path / "log").read_bytes().splitlines()]


@pytest.fixture
def usage(engine: Engine) -> UsageCounter:
    """Give a counter."""
    return UsageCounter(engine)


@pytest.fixture
def refusals(engine: Engine) -> RefusalNotes:
    """Give what keeps the last refusals."""
    return RefusalNotes(engine)


@pytest.fixture
def recorder(sink: int, usage: UsageCounter, refusals: RefusalNotes) -> Recorder:
    """Give a recorder for which log lines are enough."""
    return Recorder(EventLog(sink, lambda: NOW), usage, None, refusals)


@pytest.fixture
def row_recorder(sink: int, usage: UsageCounter, engine: Engine, refusals: RefusalNotes) -> Recorder:
    """Give a recorder for ISSUER_AUDIT_ISSUANCE=database."""
    return Recorder(EventLog(sink, lambda: NOW), usage, engine, refusals)


@pytest.fixture
def plan() -> TokenPlan:
    """Give the plan of a token for one audience with two scopes."""
    return builders.plan(builders.record(builders.audience(ORDERS, 5, scopes="read write")))


@pytest.fixture
def context() -> Context:
    """Give what is known of an authenticated request."""
    return Context("request-1", "192.0.2.1", "client_credentials", builders.client(), [ORDERS])


@pytest.fixture
def counts(engine: Engine, usage: UsageCounter) -> Callable[[], list[tuple]]:
    """Give a function that writes what was counted and returns it."""

    def list_rows() -> list[tuple]:
        usage.write_once()
        with reading(engine) as connection:
            return [tuple(row) for row in connection.execute(select(UsageRow.__table__))]

    return list_rows


@pytest.fixture
def issuances(engine: Engine) -> Callable[[], list[dict]]:
    """Give a function that returns the rows of issued tokens."""

    def list_rows() -> list[dict]:
        with reading(engine) as connection:
            return [dict(row._mapping) for row in connection.execute(select(IssuanceRow.__table__))]

    return list_rows


def test_issued_token_is_one_line(
    recorder: Recorder, plan: TokenPlan, context: Context, lines: Callable
) -> None:
    recorder.issued(plan, "jti-1", "kid-1", NOW, context)

    assert lines() == [
        {
            "ts": "2027-01-15T08:00:00Z",
            "event": "token.issued",
            "request_id": "request-1",
            "client_id": "shop",
            "grant_type": "client_credentials",
            "aud": [ORDERS],
            "scope": "read write",
            "sub": "somebody",
            "jti": "jti-1",
            "kid": "kid-1",
            "exp": NOW + 900,
            "ip": "192.0.2.1",
        }
    ]


def test_issued_token_is_counted(
    recorder: Recorder, plan: TokenPlan, context: Context, counts: Callable
) -> None:
    recorder.issued(plan, "jti-1", "kid-1", NOW, context)

    assert counts() == [(HOUR, plan.client.key, 5, "client_credentials", "issued", 1, NOW, NOW + 900)]


def test_issued_token_is_no_row_unless_asked_for(
    recorder: Recorder, plan: TokenPlan, context: Context, issuances: Callable
) -> None:
    recorder.issued(plan, "jti-1", "kid-1", NOW, context)

    assert issuances() == []


def test_issued_token_is_a_row_where_asked_for(
    row_recorder: Recorder, plan: TokenPlan, context: Context, issuances: Callable, lines: Callable
) -> None:
    row_recorder.issued(plan, "jti-1", "kid-1", NOW, context)

    assert issuances() == [
        {
            "jti": "jti-1",
            "at": NOW,
            "client_id": "shop",
            "sub": "somebody",
            "aud": [ORDERS],
            "scope": "read write",
            "grant_type": "client_credentials",
            "kid": "kid-1",
            "exp": NOW + 900,
            "request_id": "request-1",
        }
    ]
    assert len(lines()) == 1


def test_row_that_cannot_be_written_refuses_before_any_line(
    row_recorder: Recorder,
    plan: TokenPlan,
    context: Context,
    engine: Engine,
    lines: Callable,
    counts: Callable,
) -> None:
    def fail(*_arguments: object) -> None:
        raise exc.OperationalError("the test says so", None, ConnectionError())

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(TemporarilyUnavailable):
        row_recorder.issued(plan, "jti-1", "kid-1", NOW, context)
    event.remove(engine, "before_cursor_execute", fail)

    assert lines() == []
    assert counts() == []


class TestALogThatCannotBeWritten:
    """No token without a record of it."""

    @pytest.fixture
    def broken(self, usage: UsageCounter, refusals: RefusalNotes) -> Iterator[Recorder]:
        """Give a recorder whose log is a pipe that nobody reads."""
        reading_end, writing_end = os.pipe()
        os.close(reading_end)
        yield Recorder(EventLog(writing_end, lambda: NOW), usage, None, refusals)
        os.close(writing_end)

    def test_refuses_the_token_and_counts_nothing(
        self, broken: Recorder, plan: TokenPlan, context: Context, counts: Callable
    ) -> None:
        with pytest.raises(TemporarilyUnavailable):
            broken.issued(plan, "jti-1", "kid-1", NOW, context)

        assert counts() == []

    def test_is_told_for_a_refusal_as_well(self, broken: Recorder, context: Context) -> None:
        with pytest.raises(TemporarilyUnavailable):
            broken.refused(InvalidTarget("a detail"), NOW, context)


def test_refusal_is_one_line_with_its_particulars(
    recorder: Recorder, context: Context, lines: Callable
) -> None:
    recorder.refused(InvalidTarget("not permitted"), NOW, context)

    assert lines() == [
        {
            "ts": "2027-01-15T08:00:00Z",
            "event": "token.refused",
            "request_id": "request-1",
            "client_id": "shop",
            "grant_type": "client_credentials",
            "asked": [ORDERS],
            "error": "invalid_target",
            "reason": "not permitted",
            "ip": "192.0.2.1",
        }
    ]


def test_refusal_is_counted_under_its_code_and_no_audience(
    recorder: Recorder, context: Context, counts: Callable
) -> None:
    client = context.client
    assert isinstance(client, Client)

    recorder.refused(InvalidTarget(), NOW, context)

    assert counts() == [(HOUR, client.key, 0, "client_credentials", "invalid_target", 1, NOW, 0)]


def test_client_that_proved_nothing_is_neither_named_nor_counted(
    recorder: Recorder, lines: Callable, counts: Callable
) -> None:
    recorder.refused(InvalidClient(), NOW, Context("request-1", "192.0.2.1", "client_credentials"))

    assert lines()[0]["client_id"] == ""
    assert counts() == [(HOUR, 0, 0, "client_credentials", "invalid_client", 1, NOW, 0)]


@pytest.mark.parametrize("sent", ["password", "", "x" * 5000, "urn:ietf:params:oauth:grant-type:nothing"])
def test_grant_type_of_nobody_becomes_no_row_of_its_own(
    recorder: Recorder, counts: Callable, sent: str
) -> None:
    recorder.refused(InvalidClient(), NOW, Context("request-1", "192.0.2.1", sent))

    assert counts() == [(HOUR, 0, 0, "", "invalid_client", 1, NOW, 0)]
