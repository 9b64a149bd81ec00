"""Lint for the rows of a page: what the whole linter finds on them alone, in no statement or three."""

import pytest

from issuer.errors import InvalidValue
from issuer.model.audience import AliasMode, Scope, TokenTyp
from issuer.model.listing import ListQuery
from issuer.policy.lifetimes import Lifetimes
from issuer.registry import aliases, audiences, client_secrets, clients, lint, permissions, services
from issuer.registry.audiences import AudienceChange, NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.listings import audiences as audience_lists
from issuer.registry.listings import clients as client_lists
from issuer.registry.listings import lint as page_lint
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from tests.conftest import START
from tests.oauth.world import watching_statements

DAY = 24 * 3600
BOUNDS = Lifetimes(900, DAY)


@pytest.fixture
def odd(town, ids, count, clock):
    """Give a registry of which each rule finds something."""
    audiences.add_audience(town, NewAudience("http://plain.example", "bank"))
    audiences.add_audience(town, NewAudience("api", "bank", scopes=(Scope("*"),), access_token_seconds=7200))
    audiences.change_audience(town, "a_b", AudienceChange(typ=TokenTyp.JWT))
    audiences.add_audience(town, NewAudience("leaving", "Shop", scopes=(Scope("x"),)))
    audiences.deprecate_audience(town, "leaving", "https://orders.example/")
    audiences.add_audience(town, NewAudience("lost", "Shop", scopes=(Scope("x"),)))
    audiences.deprecate_audience(town, "lost")
    aliases.add_alias(town, "a-b", "old", AliasMode.ACCEPT, START + 1)
    services.add_service(town, NewService("Nobodys", "none"))
    audiences.add_audience(town, NewAudience("mine", "Nobodys", scopes=(Scope("x"),)))
    for identifier in ("leaving", "lost"):
        permissions.grant_permission(town, NewPermission(ids["Robot"], identifier))
    for number in range(12):
        audiences.add_audience(town, NewAudience(f"urn:n:{number}", "Shop", scopes=(Scope(f"x{number}"),)))
        permissions.grant_permission(town, NewPermission(ids["ant"], f"urn:n:{number}"))
    first = clients.find_client(town, ids["Bee"]).secrets[0]
    client_secrets.add_secret(town, ids["Bee"], "soon", 40)
    client_secrets.revoke_secret(town, ids["Bee"], first.id)
    secret = clients.find_client(town, ids["cat"]).secrets[0]
    client_secrets.revoke_secret(town, ids["cat"], secret.id)
    count(ids["Robot"], "a_b", 5, 1)
    clock.step(31 * DAY)
    return town


def _codes_of_whole(registrar, rules, noun):
    codes = {"permission-unused-90-days"}
    found = [one for one in lint.lint(registrar, BOUNDS) if one.code not in codes]
    return {(one.code, one.name) for one in found if one.noun in noun and one.code in rules}


def _list(registrar):
    rows = audience_lists.list_audiences(
        registrar, ListQuery(size=100, filters={"state": "all"}), BOUNDS
    ).rows
    return rows, page_lint.lint_audiences(registrar, rows, BOUNDS)


def test_audiences_of_a_page_have_the_findings_that_the_whole_linter_has_on_them(odd):
    rows, found = _list(odd)

    told = {(one.code, one.name) for findings in found.values() for one in findings}
    codes = {code for code, _ in told}
    assert told == _codes_of_whole(odd, codes, {"audience", "service"})
    assert codes >= {
        "http-off-loopback",
        "no-scopes",
        "wildcard-scope",
        "no-client",
        "unused-30-days",
        "lifetime-over-an-hour",
        "typ-jwt",
        "no-successor",
        "alias-past-date",
        "no-owner",
    }
    assert set(found) == {row.audience.id for row in rows}


def test_a_finding_stands_at_its_own_audience(odd):
    rows, found = _list(odd)

    by_identifier = {row.audience.identifier: [one.code for one in found[row.audience.id]] for row in rows}
    assert "no-owner" in by_identifier["mine"]
    assert "no-successor" in by_identifier["lost"]
    assert "no-successor" not in by_identifier["leaving"]
    assert "typ-jwt" in by_identifier["a_b"]
    assert by_identifier["access"] == []
    assert by_identifier["gone"] == []


@pytest.mark.parametrize("is_closed", [False, True])
def test_a_successor_counts_also_where_it_is_not_on_the_page(odd, is_closed):
    if is_closed:
        audiences.disable_audience(odd, "https://orders.example/")

    (row,) = audience_lists.list_audiences(odd, ListQuery("leaving"), BOUNDS).rows

    codes = {one.code for one in page_lint.lint_audiences(odd, [row], BOUNDS)[row.audience.id]}
    assert row.successor.identifier == "https://orders.example/"
    assert ("no-successor" in codes) == is_closed


def test_clients_of_a_page_have_the_findings_that_the_whole_linter_has_on_them(odd, ids):
    rows = client_lists.list_clients(odd, ListQuery(size=100)).rows

    found = page_lint.lint_clients(odd, rows, BOUNDS)

    told = {(one.code, one.name) for findings in found.values() for one in findings}
    codes = {code for code, _ in told}
    assert told == _codes_of_whole(odd, codes, {"client"})
    assert ("many-audiences", ids["ant"]) in told
    assert ("no-secret", ids["cat"]) in told
    assert ("no-permission", ids["cat"]) in told
    assert ("secret-expires-soon", ids["Bee"]) in told


def test_a_page_is_linted_without_a_statement(odd, engine):
    rows = audience_lists.list_audiences(odd, ListQuery(size=100), BOUNDS).rows
    others = client_lists.list_clients(odd, ListQuery(size=100)).rows

    with watching_statements(engine) as statements:
        page_lint.lint_audiences(odd, rows, BOUNDS)
        page_lint.lint_clients(odd, others, BOUNDS)

    assert statements == []


@pytest.mark.parametrize("code", ["no-scopes", "no-client", "typ-jwt"])
def test_audiences_are_filtered_by_what_lint_finds_on_them(odd, code):
    _, found = _list(odd)

    filtered = audience_lists.list_audiences(odd, ListQuery(filters={"finding": code}, size=100), BOUNDS)

    expected = {key for key, findings in found.items() if code in {one.code for one in findings}}
    assert expected
    assert {row.audience.id for row in filtered.rows} == expected
    assert filtered.total == len(expected)


@pytest.mark.parametrize("code", ["no-permission", "no-secret"])
def test_clients_are_filtered_by_what_lint_finds_on_them(odd, code):
    clients.add_client(odd, NewClient("Speaks for Shop", service="Shop"))
    rows = client_lists.list_clients(odd, ListQuery(size=100, filters={"state": "all"})).rows
    found = page_lint.lint_clients(odd, rows, BOUNDS)

    filtered = client_lists.list_clients(odd, ListQuery(filters={"finding": code}, size=100))

    expected = {key for key, findings in found.items() if code in {one.code for one in findings}}
    assert expected
    assert {row.client.client_id for row in filtered.rows} == expected


@pytest.mark.parametrize(
    "find", [lambda r, q: audience_lists.list_audiences(r, q, BOUNDS), client_lists.list_clients]
)
def test_no_list_is_filtered_by_what_it_cannot_tell(odd, find):
    with pytest.raises(InvalidValue):
        find(odd, ListQuery(filters={"finding": "twin-spelling"}))
