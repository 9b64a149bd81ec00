"""A list takes as many statements for two hundred rows as for one."""

import pytest

from issuer.model.listing import ListQuery
from issuer.policy.lifetimes import Lifetimes
from issuer.registry.listings import (
    activity,
    audiences,
    audit,
    clients,
    families,
    lint,
    permissions,
    services,
)
from issuer.store import db
from tests.benchmarks import large_registry
from tests.benchmarks.large_registry import FIRST
from tests.oauth.world import watching_statements

BOUNDS = Lifetimes(900, 86400)
CLIENT = f"client-{FIRST:05d}"


def _list_audiences_with_lint(registrar, query):
    page = audiences.list_audiences(registrar, query, BOUNDS)
    lint.lint_audiences(registrar, page.rows, BOUNDS)
    return page


def _list_clients_with_lint(registrar, query):
    page = clients.list_clients(registrar, query)
    lint.lint_clients(registrar, page.rows, BOUNDS)
    return page


LISTS = {
    "services": services.list_services,
    "audiences": _list_audiences_with_lint,
    "clients": _list_clients_with_lint,
    "on audience": lambda registrar, query: permissions.list_on_audience(
        registrar, large_registry.identifier_of(FIRST), query, BOUNDS
    ),
    "of client": lambda registrar, query: permissions.list_of_client(registrar, CLIENT, query, BOUNDS),
    "families": lambda registrar, query: families.list_families(registrar, CLIENT, query),
    "audit": audit.list_events,
}


@pytest.fixture
def fill(engine, monkeypatch):
    """Give the function that fills the registry with so many of everything."""

    def run(number):
        for name in ("SERVICES", "AUDIENCES", "CLIENTS", "FAMILIES", "EVENTS", "REFUSALS", "USERS"):
            monkeypatch.setattr(large_registry, name, number)
        monkeypatch.setattr(large_registry, "USAGE_HOURS", 2)
        monkeypatch.setattr(large_registry, "USAGE_EACH_HOUR", 1)
        with db.writing(engine) as connection:
            large_registry.fill(connection)

    return run


@pytest.mark.parametrize("number", [1, 200])
def test_every_list_takes_ten_statements_at_most_whatever_the_number_of_rows(registrar, engine, fill, number):
    fill(number)

    taken, shown = {}, {}
    for name, find in LISTS.items():
        with watching_statements(engine) as statements:
            shown[name] = len(find(registrar, ListQuery(size=100)).rows)
        taken[name] = len([one for one in statements if not one.startswith("BEGIN")])

    assert all(1 <= count <= 10 for count in taken.values()), taken
    assert all(count >= min(number, 2) for count in shown.values()), shown


def test_the_last_refusals_take_few_statements(registrar, engine, fill):
    fill(200)

    with watching_statements(engine) as statements:
        activity.list_client_refusals(registrar, CLIENT)
        activity.list_audience_refusals(registrar, large_registry.identifier_of(FIRST))

    assert len([one for one in statements if not one.startswith("BEGIN")]) <= 8
