"""Each rule of the linter: what it finds, and what it leaves alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer.model.audience import AliasMode, AudienceState, TokenTyp
from issuer.model.client import ClientId, ClientSecret, ClientState
from issuer.model.finding import Severity
from issuer.model.service import ServiceState
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import identifiers, rules
from issuer.policy.lint.registered import Registered
from tests.unit.policy.builders import (
    BOUNDS,
    NOW,
    alias,
    audience,
    client,
    permission,
    service,
    token_policy,
)

DAY = 24 * 3600
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO
ORDERS = "https://orders.example"


def registry(*audiences, **fields):
    """Return a registry of these audiences; the rest is empty unless a keyword fills it."""
    services = {one.service.id: one.service for one in audiences}
    given = {
        "services": tuple(services.values()),
        "audiences": audiences,
        "clients": (),
        "permissions": (),
        "granted_at": {},
        "last_issued_at": {},
        "lifetimes": BOUNDS,
        "now": NOW,
        **fields,
    }
    return Registered(**given)


def used_by(one_client, *audiences, **fields):
    """Return a registry in which a client may ask for these audiences, all of them scoped and in use."""
    permissions = tuple(replace(permission(one), client_id=one_client.client_id) for one in audiences)
    pairs = [(one_client.client_id, one.id) for one in audiences]
    given = {
        "clients": (one_client,),
        "permissions": permissions,
        "granted_at": dict.fromkeys(pairs, 0),
        "last_issued_at": dict.fromkeys(pairs, NOW - DAY),
        **fields,
    }
    return registry(*audiences, **given)


def secret(*, days=1, expires_in=None, revoked=False):
    """Return a client's secret. days: its age. expires_in: days from now."""
    expires_at = None if expires_in is None else NOW + expires_in * DAY
    return ClientSecret("first", "", b"", NOW - days * DAY, None, expires_at, NOW - 1 if revoked else None)


def asker(*secrets, client_id="shop", **fields):
    """Return an active client with these secrets."""
    return replace(
        client(), client_id=ClientId(client_id), secrets=secrets or (secret(expires_in=90),), **fields
    )


def found(registered, code):
    """Return what was found under a code: severity, noun, name."""
    return [(one.severity, one.noun, one.name) for one in rules.apply(registered) if one.code == code]


def codes(registered):
    """Return the codes of all that was found."""
    return {finding.code for finding in rules.apply(registered)}


def named(*names, scopes="read", same_service=False):
    """Return an audience for each name, each of a service of its own unless all are of one."""
    return tuple(
        audience(name, number, scopes=f"{scopes}{number}", of=service(1 if same_service else number))
        for number, name in enumerate(names, start=1)
    )


def test_a_registry_that_is_well_kept_gives_nothing():
    shop = asker()

    registered = used_by(shop, *named(ORDERS, "https://billing.example"))

    assert rules.apply(registered) == ()


def test_an_empty_registry_gives_nothing():
    assert rules.apply(registry()) == ()


@pytest.mark.parametrize(
    ("first", "second", "severity"),
    [
        ("https://x.example/mcp", "https://x.example/mcp/", ERROR),
        ("https://x.example/mcp", "https://x.example/MCP", ERROR),
        ("https://x.example/A", "https://x.example/%41", ERROR),
        ("http://x.example", "https://x.example", ERROR),
        ("http://x.example/mcp/", "https://x.example/mcp", ERROR),
        ("x.example", "https://x.example", ERROR),
        ("https://x.example:8443", "https://x.example", WARNING),
        ("https://www.x.example", "https://x.example", WARNING),
    ],
)
def test_twins_are_found(first, second, severity):
    registered = registry(*named(first, second))

    assert found(registered, "twin-spelling") == [(severity, "audience", second)]


def test_an_alias_that_is_the_twin_of_another_audience_is_found():
    one, other = named("https://x.example/mcp", "https://y.example")
    other = replace(other, aliases=(alias("https://x.example/mcp/"),))

    assert found(registry(one, other), "twin-spelling") == [(ERROR, "audience", "https://y.example")]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://x.example/mcp", "https://x.example/other"),
        ("http://localhost:8001", "http://localhost:8002"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8002"),
    ],
)
def test_what_is_no_twin_is_left_alone(first, second):
    assert codes(registry(*named(first, second))) & {"twin-spelling", "near-twin"} == set()


def test_an_alias_of_the_same_audience_is_no_twin():
    one = replace(named("https://x.example/mcp")[0], aliases=(alias("https://x.example/mcp/"),))

    assert found(registry(one), "twin-spelling") == []


@pytest.mark.parametrize("state", [AudienceState.REMOVED, AudienceState.DISABLED])
def test_what_is_not_issued_for_is_no_twin(state):
    one, other = named("https://x.example/mcp", "https://x.example/mcp/")

    assert codes(registry(one, replace(other, state=state))) & {"twin-spelling", "near-twin"} == set()


def test_a_twin_that_is_replaced_by_the_other_is_seen_to():
    one, other = named("https://x.example/mcp", "https://x.example/mcp/")
    leaving = replace(other, state=AudienceState.DEPRECATED, successor=one.identifier)

    assert found(registry(one, leaving), "twin-spelling") == []


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://orders.example", "https://odrers.example"),
        ("https://x.example/orders", "https://x.example/order"),
        ("orders", "orderz"),
        ("urn:example:orders", "urn:example:odrers"),
        ("https://warehouse.example/api", "https://wharehose.example/api"),
    ],
)
def test_near_twins_are_found(first, second):
    assert found(registry(*named(first, second)), "near-twin") == [(WARNING, "audience", second)]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://x.example/v1", "https://x.example/v2"),
        ("https://api1.example", "https://api2.example"),
        ("https://orders-eu.example", "https://orders-us.example"),
        ("https://x.example/abc", "https://x.example/abd"),
        ("https://orders.example/a", "https://odrers.example/b"),
    ],
)
def test_what_was_meant_so_is_no_near_twin(first, second):
    assert found(registry(*named(first, second)), "near-twin") == []


@pytest.mark.parametrize(
    ("short", "long", "same_service", "severity"),
    [
        ("https://x.example/api", "https://x.example/api/v2", True, INFO),
        ("https://x.example/api", "https://x.example/api/v2", False, WARNING),
        ("https://x.example", "https://x.example.com", False, WARNING),
        ("https://x.example/", "https://x.example/mcp", False, WARNING),
        ("orders", "orders-eu", False, WARNING),
        ("urn:example:a", "urn:example:abc", False, WARNING),
    ],
)
def test_a_beginning_of_another_is_found(short, long, same_service, severity):
    registered = registry(*named(long, short, same_service=same_service))

    assert found(registered, "prefix-of-another") == [(severity, "audience", short)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order", "orders"),
        ("https://x.example/api", "https://x.example/app"),
        ("https://x.example/a", "https://x.example/a/"),
    ],
)
def test_what_only_looks_like_a_beginning_is_none(one, other):
    assert found(registry(*named(one, other)), "prefix-of-another") == []


def test_many_that_begin_so_are_one_finding_that_concerns_all():
    longer = [f"https://x.example/{word}" for word in ("alpha", "bravo", "charlie", "delta", "echo")]

    findings = [
        finding
        for finding in rules.apply(registry(*named("https://x.example", *longer)))
        if finding.code == "prefix-of-another"
    ]

    assert [finding.name for finding in findings] == ["https://x.example"]
    assert findings[0].concerns == {"https://x.example", *longer}
    assert "alpha, https://x.example/bravo, https://x.example/charlie and 2 more" in findings[0].why


@pytest.mark.parametrize(
    ("identifier", "code", "severity"),
    [
        ("http://orders.example", "http-off-loopback", WARNING),
        ("http://[2001:db8::1]/x", "http-off-loopback", WARNING),
        ("https://x.example/?a=1", "query-part", WARNING),
        ("https://x.example/tenants/acme", "tenant-part", WARNING),
        ("https://x.example/4711", "tenant-part", WARNING),
        ("API", "generic-name", WARNING),
        ("default", "generic-name", WARNING),
        ("https://xn--bcher-kva.example", "punycode-host", WARNING),
        ("xn--bcher-kva.example", "punycode-host", WARNING),
        ("https://X.example", "unusual-spelling", INFO),
        ("https://x.example:443/a", "unusual-spelling", INFO),
        ("orders.example", "plain-name", INFO),
        ("mobile-app-client", "named-like-client", INFO),
    ],
)
def test_bad_names_are_found(identifier, code, severity):
    assert found(registry(audience(identifier)), code) == [(severity, "audience", identifier)]


@pytest.mark.parametrize(
    "identifier",
    [
        "https://orders.example",
        "https://orders.example:8443/api/v1",
        "http://localhost:8000/api",
        "http://127.0.0.1",
        "http://[::1]:8000",
        "urn:example:orders",
    ],
)
def test_good_names_are_left_alone(identifier):
    assert list(identifiers.judge(identifier)) == []


def test_the_issuers_own_audiences_are_left_alone():
    own = audience("access", reserved=True, policy=token_policy(seconds=90_000))

    assert rules.apply(registry(own)) == ()


@pytest.mark.parametrize("owner", ["", "unknown", "root", "uid 1000", "TBD"])
def test_a_service_that_nobody_owns_is_found(owner):
    orphaned = replace(service(), owner=owner)

    assert found(registry(services=(orphaned,)), "no-owner") == [(WARNING, "service", "service 1")]


@pytest.mark.parametrize("fields", [{"is_builtin": True}, {"state": ServiceState.REMOVED}, {"owner": "team"}])
def test_a_service_that_needs_no_owner_is_left_alone(fields):
    one = replace(service(), **{"owner": "", **fields})

    assert found(registry(services=(one,)), "no-owner") == []


def test_an_audience_without_scopes_is_found():
    assert found(registry(audience(ORDERS)), "no-scopes") == [(WARNING, "audience", ORDERS)]
    assert found(registry(audience(ORDERS, scopes="read")), "no-scopes") == []


def test_a_scope_for_everything_is_found():
    assert found(registry(audience(ORDERS, scopes="orders:*")), "wildcard-scope") == [
        (WARNING, "audience", ORDERS)
    ]


@pytest.mark.parametrize(("number", "findings"), [(30, []), (31, [(INFO, "audience", ORDERS)])])
def test_more_scopes_than_anybody_oversees_are_found(number, findings):
    scopes = " ".join(f"s{each}" for each in range(number))

    assert found(registry(audience(ORDERS, scopes=scopes)), "many-scopes") == findings


def test_an_audience_that_nobody_may_ask_for_is_found():
    assert found(registry(audience(ORDERS)), "no-client") == [(WARNING, "audience", ORDERS)]
    assert found(used_by(asker(), audience(ORDERS)), "no-client") == []


@pytest.mark.parametrize("state", [ClientState.DISABLED, ClientState.REMOVED])
def test_a_client_that_is_closed_calls_nobody(state):
    registered = used_by(asker(state=state), audience(ORDERS))

    assert found(registered, "no-client") == [(WARNING, "audience", ORDERS)]


@pytest.mark.parametrize(
    ("last_days", "created_days", "findings"),
    [
        (29, 400, []),
        (30, 400, [(WARNING, "audience", ORDERS)]),
        (None, 400, [(WARNING, "audience", ORDERS)]),
        (None, 30, [(WARNING, "audience", ORDERS)]),
        (None, 29, []),
    ],
)
def test_an_audience_unused_for_thirty_days_is_found_unless_it_is_younger(last_days, created_days, findings):
    one = replace(audience(ORDERS), created_at=NOW - created_days * DAY)
    last = {} if last_days is None else {(ClientId("shop"), one.id): NOW - last_days * DAY}

    assert found(used_by(asker(), one, last_issued_at=last), "unused-30-days") == findings


def test_an_audience_without_a_client_is_not_called_unused_as_well():
    assert "unused-30-days" not in codes(registry(audience(ORDERS)))


@pytest.mark.parametrize(
    ("seconds", "code", "severity"),
    [
        (3601, "lifetime-over-an-hour", WARNING),
        (86_400, "lifetime-over-an-hour", WARNING),
        (86_401, "lifetime-over-a-day", ERROR),
    ],
)
def test_long_lifetimes_are_found(seconds, code, severity):
    one = audience(ORDERS, policy=token_policy(seconds=seconds))

    registered = registry(one, lifetimes=Lifetimes(900, 30 * DAY))

    assert found(registered, code) == [(severity, "audience", ORDERS)]


@pytest.mark.parametrize(
    ("seconds", "lifetimes", "findings"),
    [
        (3600, Lifetimes(900, 30 * DAY), []),
        (None, Lifetimes(900, 30 * DAY), []),
        (None, Lifetimes(7200, 30 * DAY), [(WARNING, "audience", ORDERS)]),
        (90_000, Lifetimes(900, 3600), []),
        (90_000, Lifetimes(900, 7200), [(WARNING, "audience", ORDERS)]),
    ],
)
def test_lifetimes_are_those_that_take_effect(seconds, lifetimes, findings):
    one = audience(ORDERS, policy=token_policy(seconds=seconds))

    assert found(registry(one, lifetimes=lifetimes), "lifetime-over-an-hour") == findings


def test_typ_jwt_is_found():
    one = audience(ORDERS, policy=token_policy(typ=TokenTyp.JWT))

    assert found(registry(one), "typ-jwt") == [(WARNING, "audience", ORDERS)]


def test_a_deprecated_audience_that_leads_nowhere_is_found():
    leaving = audience(ORDERS, state=AudienceState.DEPRECATED)

    assert found(used_by(asker(), leaving), "no-successor") == [(WARNING, "audience", ORDERS)]
    assert found(registry(leaving), "no-successor") == []


@pytest.mark.parametrize(
    ("state", "findings"),
    [(AudienceState.ACTIVE, []), (AudienceState.DISABLED, [(WARNING, "audience", ORDERS)])],
)
def test_a_successor_must_be_open(state, findings):
    new = audience("https://new.example", 2, state=state)
    leaving = replace(audience(ORDERS, state=AudienceState.DEPRECATED), successor=new.identifier)

    registered = used_by(asker(), leaving)
    registered = replace(registered, audiences=(leaving, new))

    assert found(registered, "no-successor") == findings


@pytest.mark.parametrize(
    ("mode", "until", "findings"),
    [
        (AliasMode.ACCEPT, NOW, [(WARNING, "audience", ORDERS)]),
        (AliasMode.DUAL, NOW, [(INFO, "audience", ORDERS)]),
        (AliasMode.ACCEPT, NOW + 1, []),
        (AliasMode.ACCEPT, None, []),
    ],
)
def test_an_alias_past_its_date_is_found(mode, until, findings):
    one = audience(ORDERS, aliases=(alias("https://old.example", mode, until),))

    assert found(registry(one), "alias-past-date") == findings


def test_a_scope_of_two_in_one_trust_group_is_found():
    one = audience(ORDERS, 1, scopes="read a", of=service(1, trust_group="shop"))
    other = audience("https://billing.example", 2, scopes="read b", of=service(2, trust_group="shop"))

    assert found(registry(one, other), "ambiguous-scope") == [(WARNING, "trust group", "shop")]


def test_a_scope_of_two_audiences_of_one_service_is_found():
    one, other = audience(ORDERS, 1, scopes="read"), audience("https://billing.example", 2, scopes="read")

    assert found(registry(one, other), "ambiguous-scope") == [(WARNING, "service", "service 1")]


def test_a_scope_of_two_that_never_stand_together_is_left_alone():
    one = audience(ORDERS, 1, scopes="read", of=service(1))
    other = audience("https://billing.example", 2, scopes="read", of=service(2, trust_group="shop"))

    assert found(registry(one, other), "ambiguous-scope") == []


def test_a_trust_group_of_several_owners_is_found():
    one = service(1, trust_group="shop")
    other = replace(service(2, trust_group="shop"), owner="others")

    assert found(registry(services=(one, other)), "trust-group-of-several-owners") == [
        (ERROR, "trust group", "shop")
    ]
    assert (
        found(registry(services=(one, replace(other, owner="team"))), "trust-group-of-several-owners") == []
    )
    closed = replace(other, state=ServiceState.REMOVED)
    assert found(registry(services=(one, closed)), "trust-group-of-several-owners") == []


def test_a_client_that_may_ask_for_access_is_found():
    access = audience("access", reserved=True)

    assert found(used_by(asker(), access), "verifies-access") == [(WARNING, "client", "shop")]
    assert found(used_by(asker(), audience(ORDERS)), "verifies-access") == []


@pytest.mark.parametrize(("number", "findings"), [(10, []), (11, [(WARNING, "client", "shop")])])
def test_a_client_of_many_audiences_is_found(number, findings):
    audiences = [
        audience(f"https://{letter}.example", place) for place, letter in enumerate("abcdefghijk", 1)
    ]

    assert found(used_by(asker(), *audiences[:number]), "many-audiences") == findings


def test_a_client_that_may_ask_for_nothing_is_found_unless_it_speaks_for_a_service():
    assert found(registry(clients=(asker(),)), "no-permission") == [(INFO, "client", "shop")]
    assert found(registry(clients=(asker(service=service().id),)), "no-permission") == []
    assert found(used_by(asker(), audience(ORDERS)), "no-permission") == []


@pytest.mark.parametrize(
    ("state", "findings"),
    [
        (AudienceState.ACTIVE, []),
        (AudienceState.DEPRECATED, [(WARNING, "client", "shop")]),
        (AudienceState.DISABLED, [(ERROR, "client", "shop")]),
        (AudienceState.REMOVED, [(ERROR, "client", "shop")]),
    ],
)
def test_a_default_that_cannot_be_had_is_found(state, findings):
    one = audience(ORDERS, state=state)

    registered = used_by(asker(default_audience=one.id), one)

    assert found(registered, "expired-default") == findings


def test_a_default_of_a_closed_service_or_without_permission_is_found():
    closed = audience(ORDERS, of=service(state=ServiceState.DISABLED))
    shop = asker(default_audience=closed.id)

    assert found(used_by(shop, closed), "expired-default") == [(ERROR, "client", "shop")]
    assert found(registry(audience(ORDERS), clients=(shop,)), "expired-default") == [
        (ERROR, "client", "shop")
    ]


@pytest.mark.parametrize(
    ("granted_days", "is_used", "findings"),
    [
        (90, False, [(WARNING, "client", "shop")]),
        (89, False, []),
        (90, True, []),
    ],
)
def test_a_permission_unused_for_ninety_days_is_found_unless_it_is_younger(granted_days, is_used, findings):
    one = audience(ORDERS)
    pair = (ClientId("shop"), one.id)

    registered = used_by(
        asker(),
        one,
        granted_at={pair: NOW - granted_days * DAY},
        last_issued_at={pair: NOW - 89 * DAY} if is_used else {},
    )

    assert found(registered, "permission-unused-90-days") == findings


@pytest.mark.parametrize(
    "secrets", [(secret(revoked=True),), (secret(expires_in=0),)], ids=["revoked", "expired"]
)
def test_a_client_without_a_usable_secret_is_found(secrets):
    assert found(registry(clients=(asker(*secrets),)), "no-secret") == [(WARNING, "client", "shop")]


def test_a_client_that_never_had_a_secret_is_found():
    bare = replace(asker(), secrets=())

    assert found(registry(clients=(bare,)), "no-secret") == [(WARNING, "client", "shop")]


@pytest.mark.parametrize(
    ("one", "code", "severity"),
    [
        (secret(days=366, expires_in=90), "old-secret", WARNING),
        (secret(days=366), "old-secret", WARNING),
        (secret(days=181), "secret-without-expiry", INFO),
        (secret(days=10, expires_in=14), "secret-expires-soon", WARNING),
    ],
)
def test_stale_and_expiring_secrets_are_found(one, code, severity):
    assert found(registry(clients=(asker(one),)), code) == [(severity, "client", "shop")]


@pytest.mark.parametrize(
    "secrets",
    [
        (secret(days=365, expires_in=90),),
        (secret(days=180),),
        (secret(days=366, revoked=True), secret()),
        (secret(expires_in=3), secret(expires_in=90)),
        (secret(expires_in=3), secret()),
    ],
)
def test_good_secrets_are_left_alone(secrets):
    about_secrets = {"old-secret", "secret-without-expiry", "secret-expires-soon", "no-secret"}

    assert codes(registry(clients=(asker(*secrets),))) & about_secrets == set()


def test_errors_come_first_then_warnings_then_what_is_to_be_known():
    registered = registry(*named("api", "https://x.example/mcp", "https://x.example/mcp/"))

    severities = [finding.severity for finding in rules.apply(registered)]

    assert severities == sorted(severities, key=tuple(Severity).index)
    assert set(severities) == set(Severity)


@given(
    st.lists(
        st.text(alphabet="abcxyz019:/.?-_%[]", min_size=1, max_size=40), unique=True, min_size=2, max_size=8
    )
)
def test_no_identifiers_raise(names):
    for finding in rules.apply(registry(*named(*names))):
        assert finding.concerns
        assert finding.why.endswith(".")
        assert finding.mend.endswith(".")
