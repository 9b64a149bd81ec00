"""The linter on a real registry: what it reads, and in how many statements."""

import pytest
from sqlalchemy import event

from issuer.model.audience import AliasMode, Scope
from issuer.model.finding import Severity
from issuer.model.usage import ISSUED, UsageKey, UsageSum
from issuer.policy.lifetimes import Lifetimes
from issuer.registry import aliases, audiences, clients, lint, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store import db, usage

DAY = 24 * 3600
ORDERS = "https://orders.example/"
BOUNDS = Lifetimes(900, DAY)


@pytest.fixture
def permitted(registrar, orders, robot):
    """Give an audience with a client that may ask for it."""
    scopes = frozenset(scope.name for scope in orders.scopes)
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS, scopes))
    return orders


@pytest.fixture
def look(registrar):
    """Give the function that returns what is found: code and name."""
    return lambda: [(one.code, one.name) for one in lint.lint(registrar, BOUNDS)]


@pytest.fixture
def look_at(registrar):
    """Give the function that returns what is found at one identifier: severity and code."""
    return lambda identifier: [
        (one.severity, one.code) for one in lint.lint_audience(registrar, identifier, BOUNDS)
    ]


def issue(engine, clock, client, audience, days_ago=0):
    """Count a token that a client got for an audience."""
    at = clock.now() - days_ago * DAY
    key = UsageKey(at - at % 3600, client.key, audience.id, "client_credentials", ISSUED)
    with db.writing(engine) as connection:
        usage.add_counts(connection, {key: UsageSum(1, at, at + 900)})


def test_a_fresh_registry_gives_nothing(look):
    assert look() == []


def test_what_is_just_registered_gives_nothing(look, permitted):
    assert look() == []


def test_an_audience_is_unused_after_thirty_days_and_a_permission_after_ninety(look, permitted, robot, clock):
    clock.step(30 * DAY)
    after_thirty = look()

    clock.step(60 * DAY)

    assert after_thirty == [("unused-30-days", ORDERS)]
    assert look() == [
        ("permission-unused-90-days", robot.client_id),
        ("unused-30-days", ORDERS),
    ]


def test_use_is_seen(look, permitted, robot, clock, engine):
    clock.step(400 * DAY)
    issue(engine, clock, robot, permitted, days_ago=29)

    assert {code for code, _ in look()} == {"old-secret"}


def test_the_use_of_a_client_that_is_gone_is_use_of_the_audience(
    look, permitted, robot, registrar, clock, engine
):
    other, _ = clients.add_client(registrar, NewClient("Other"))
    clock.step(31 * DAY)
    issue(engine, clock, other, permitted)
    clients.remove_client(registrar, other.client_id)

    assert look() == []


def test_refused_requests_are_no_use(look, permitted, robot, clock, engine):
    clock.step(31 * DAY)
    key = UsageKey(0, robot.key, permitted.id, "client_credentials", "invalid_scope")
    with db.writing(engine) as connection:
        usage.add_counts(connection, {key: UsageSum(1, clock.now(), 0)})

    assert look() == [("unused-30-days", ORDERS)]


def test_a_permission_that_is_granted_anew_is_new(look, permitted, robot, registrar, clock, engine):
    clock.step(91 * DAY)
    issue(engine, clock, clients.add_client(registrar, NewClient("Other"))[0], permitted)
    permissions.revoke_permission(registrar, robot.client_id, ORDERS)
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS))

    assert "permission-unused-90-days" not in {code for code, _ in look()}


def test_a_permission_that_is_changed_keeps_its_age(look, permitted, robot, registrar, clock):
    clock.step(91 * DAY)
    permissions.grant_permission(registrar, NewPermission(robot.client_id, ORDERS))

    assert ("permission-unused-90-days", robot.client_id) in look()


def test_a_service_without_audience_is_asked_for_its_owner(look, registrar):
    services.add_service(registrar, NewService("Empty", "unknown"))

    assert look() == [("no-owner", "Empty")]


def test_lifetimes_are_judged_by_the_servers_own(registrar, permitted):
    found = lint.lint(registrar, Lifetimes(7200, DAY))

    assert [finding.code for finding in found] == ["lifetime-over-an-hour"]


def test_removed_things_are_left_alone(look, registrar, permitted, robot):
    audiences.add_audience(registrar, NewAudience("https://orders.example/x/", "Shop"))
    audiences.remove_audience(registrar, "https://orders.example/x/")
    clients.remove_client(registrar, clients.add_client(registrar, NewClient("Gone"))[0].client_id)

    assert look() == []


def test_one_audience_is_told_what_concerns_it_as_the_other_of_a_pair(look_at, registrar, permitted):
    scopes = (Scope("x:read"),)
    audiences.add_audience(registrar, NewAudience("https://orders.example/mcp", "Shop", scopes=scopes))
    audiences.add_audience(registrar, NewAudience("https://orders.example/mcp/", "Shop"))

    found = look_at("https://orders.example/mcp")

    assert found == [
        (Severity.ERROR, "twin-spelling"),
        (Severity.WARNING, "no-client"),
        (Severity.INFO, "prefix-of-another"),
    ]


@pytest.mark.parametrize("spelling", ["https://ORDERS.example", "old"])
def test_any_spelling_names_a_registered_audience(look_at, registrar, orders, spelling):
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.ACCEPT)

    assert (Severity.WARNING, "no-client") in look_at(spelling)


@pytest.mark.parametrize(
    ("identifier", "found"),
    [
        ("https://billing.example", []),
        ("https://ordres.example", [(Severity.WARNING, "near-twin")]),
        (
            "http://orders.example",
            [(Severity.ERROR, "twin-spelling"), (Severity.WARNING, "http-off-loopback")],
        ),
        ("https://orders.example/api", [(Severity.WARNING, "prefix-of-another")]),
        ("api", [(Severity.WARNING, "generic-name"), (Severity.INFO, "plain-name")]),
        ("https://x.example/#a", [(Severity.ERROR, "not-registrable")]),
        ("", [(Severity.ERROR, "not-registrable")]),
        ("\ud800\x00", [(Severity.ERROR, "not-registrable")]),
        (
            "https://x.example/{tenant}",
            [(Severity.ERROR, "not-registrable"), (Severity.WARNING, "tenant-part")],
        ),
        ("https://issuer.example/auth/oauth/token", [(Severity.ERROR, "not-registrable")]),
    ],
    ids=ascii,
)
def test_an_identifier_that_is_not_registered_is_judged_beside_those_that_are(
    look_at, orders, identifier, found
):
    assert look_at(identifier) == found


def test_identifiers_that_were_taken_once_and_client_ids_cannot_be_registered(
    look_at, registrar, orders, robot
):
    aliases.add_alias(registrar, ORDERS, "old", AliasMode.ACCEPT)
    aliases.remove_alias(registrar, ORDERS, "old")

    assert look_at(robot.client_id)[0] == (Severity.ERROR, "not-registrable")
    assert look_at("old")[0] == (Severity.ERROR, "not-registrable")


def test_looking_registers_nothing(look_at, registrar, orders, version):
    before = version()

    look_at("https://new.example")

    assert version() == before
    assert [one.identifier for one in audiences.list_audiences(registrar) if not one.is_reserved] == [ORDERS]


def test_statements_do_not_grow_with_the_registry(registrar, engine):
    for number in range(12):
        services.add_service(registrar, NewService(f"Service {number}", "team"))
        name = f"https://{'abcdefghijkl'[number]}.example"
        audiences.add_audience(registrar, NewAudience(name, f"Service {number}", scopes=(Scope("read"),)))
        client, _ = clients.add_client(registrar, NewClient(f"Robot {number}"))
        permissions.grant_permission(registrar, NewPermission(client.client_id, name))
    statements = []

    def note(_connection, _cursor, statement, *_rest):
        statements.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    lint.lint(registrar, BOUNDS)
    event.remove(engine, "before_cursor_execute", note)

    assert len([statement for statement in statements if not statement.startswith("BEGIN")]) == 13
