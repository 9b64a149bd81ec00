"""How long lists and details of a large registry take, warm, on each database: `pytest -m benchmark -s`."""

import statistics
import time
from dataclasses import replace

import pytest

from issuer.model.audit_event import Actor, ActorKind
from issuer.model.listing import ListQuery
from issuer.model.user import Authority, Role, UserId
from issuer.policy.lifetimes import Lifetimes
from issuer.registry import lint
from issuer.registry.listings import (
    activity,
    audiences,
    audit,
    clients,
    consequences,
    families,
    permissions,
    services,
)
from issuer.registry.listings import lint as page_lint
from issuer.registry.listings.activity import Span
from issuer.registry.registrar import Registrar
from issuer.store import db
from tests.benchmarks import figures, large_registry
from tests.benchmarks.large_registry import FIRST, identifier_of

pytestmark = pytest.mark.benchmark

BOUNDS = Lifetimes(900, 86400)
EVERYBODYS = identifier_of(FIRST)
ONE = identifier_of(FIRST + 7)
ROUNDS = 7


@pytest.fixture
def registrar(engine, session, clock, entropy):
    """Give a registrar of the large registry."""
    with db.writing(engine) as connection:
        large_registry.fill(connection)
    return Registrar(session, Actor(ActorKind.SYSTEM, "test"), clock, entropy, "https://i.example", 86400)


def _far(find, registrar, query):
    """Return the query for a page in the middle."""
    page = find(registrar, query)
    for _ in range(20):
        query = ListQuery(query.search, query.filters, query.sort, query.is_descending, page.next_cursor, 100)
        page = find(registrar, query)
    return query


def _calls(registrar):
    def of(find, *rest):
        return lambda query: find(registrar, *rest, query)

    lists = {
        "services": (services.list_services, ("name", "owner", "audiences", "clients")),
        "audiences": (
            lambda r, q: audiences.list_audiences(r, q, BOUNDS),
            ("identifier", "service", "owner", "created", "clients", "tokens", "last_used"),
        ),
        "clients": (
            clients.list_clients,
            ("name", "client_id", "created", "audiences", "tokens", "last_used"),
        ),
        "who may call everybody's": (
            lambda r, q: permissions.list_on_audience(r, EVERYBODYS, q, BOUNDS),
            ("name", "granted", "last_used"),
        ),
        "what client 100 may call": (
            lambda r, q: permissions.list_of_client(r, "client-00100", q, BOUNDS),
            ("identifier", "granted", "last_used"),
        ),
        "families of client 100": (lambda r, q: families.list_families(r, "client-00100", q), ("created",)),
        "audit": (audit.list_events, ("at",)),
    }
    for name, (find, sorts) in lists.items():
        for sort in sorts:
            query = ListQuery(sort=sort, is_descending=True, size=100)
            yield f"{name} by {sort}", lambda find=find, query=query: find(registrar, query)
        for search in ("thing-05", "no such thing"):
            query = ListQuery(search=search, size=100)
            yield f"{name}, search {search!r}", lambda find=find, query=query: find(registrar, query)
    far = _far(lists["audiences"][0], registrar, ListQuery(size=100))
    yield "audiences, page 21", lambda: audiences.list_audiences(registrar, far, BOUNDS)
    yield (
        "clients, filter grant_type",
        lambda: clients.list_clients(
            registrar, ListQuery(filters={"grant_type": "client_credentials"}, size=100)
        ),
    )
    for code in ("no-scopes", "no-client", "typ-jwt"):
        query = ListQuery(filters={"finding": code}, size=100)
        yield f"audiences, finding {code}", lambda query=query: lists["audiences"][0](registrar, query)
    for code in ("no-permission", "no-secret"):
        query = ListQuery(filters={"finding": code}, size=100)
        yield f"clients, finding {code}", lambda query=query: clients.list_clients(registrar, query)
    yield (
        "audit, filter target",
        lambda: audit.list_events(registrar, ListQuery(filters={"target": ONE}, size=100)),
    )
    owners = replace(
        registrar,
        actor=Actor(
            ActorKind.USER,
            "owner",
            None,
            Authority(UserId(1), Role.SERVICE_OWNER, frozenset({"Service 100"}), 0),
        ),
    )
    yield "audit, a service owner's", lambda: audit.list_events(owners, ListQuery(size=100))
    yield (
        "activity of everybody's, 30 d",
        lambda: activity.find_audience_activity(registrar, EVERYBODYS, Span.MONTH),
    )
    yield (
        "activity of client 100, 30 d",
        lambda: activity.find_client_activity(registrar, "client-00100", Span.MONTH),
    )
    yield "refusals for an audience", lambda: activity.list_audience_refusals(registrar, ONE)
    yield "refusals of a client", lambda: activity.list_client_refusals(registrar, "client-00100")
    yield "consequences, everybody's", lambda: consequences.of_audience(registrar, EVERYBODYS)
    yield "consequences, an audience", lambda: consequences.of_audience(registrar, ONE)
    yield "consequences, client 100", lambda: consequences.of_client(registrar, "client-00100")
    yield "consequences, a service", lambda: consequences.of_service(registrar, "Service 100")


def test_lists_of_a_large_registry(registrar, engine, report: figures.Report):
    report.notes.append(
        f"\nlists of 10,000 audiences, 10,000 clients, 100,000 permissions: {engine.dialect.name}"
    )
    report.notes.append(f"{'call':<50}{'first ms':>10}{'median ms':>11}{'worst ms':>10}")
    for name, call in _calls(registrar):
        took = []
        for _ in range(ROUNDS):
            begun = time.perf_counter()
            call()
            took.append((time.perf_counter() - begun) * 1000)
        first, *warm = took
        line = f"{name:<50}{first:>10.1f}{statistics.median(warm):>11.1f}{max(warm):>10.1f}"
        report.notes.append(line)


def test_a_filter_of_what_lint_finds_in_a_large_registry(registrar, engine, report: figures.Report):
    """What it would take to leave out of a list what has no finding: to judge every row of it."""
    judged = {
        "audiences": (
            lambda: tuple(audiences.stream_audiences(registrar, ListQuery(), BOUNDS)),
            lambda rows: page_lint.lint_audiences(registrar, rows, BOUNDS),
        ),
        "clients": (
            lambda: tuple(clients.stream_clients(registrar, ListQuery())),
            lambda rows: page_lint.lint_clients(registrar, rows, BOUNDS),
        ),
    }
    for name, (read, judge) in judged.items():
        begun = time.perf_counter()
        rows = read()
        read_at = time.perf_counter()
        judge(rows)
        took = [1000 * each for each in (read_at - begun, time.perf_counter() - read_at)]
        times = f"read {took[0]:.0f} ms, judged {took[1]:.0f} ms"
        report.notes.append(f"findings on {len(rows)} {name}, {engine.dialect.name}: {times}")


def test_lint_of_a_large_registry(registrar, engine, report: figures.Report):
    begun = time.perf_counter()
    lint.lint_audience(registrar, ONE, BOUNDS)
    took = (time.perf_counter() - begun) * 1000
    report.notes.append(f"lint_audience in 10,000 audiences, {engine.dialect.name}: {took:.0f} ms")
