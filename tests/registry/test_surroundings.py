"""Lint of one audience: from its surroundings alone, and yet what lint of everything tells of it."""

import contextlib
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sqlalchemy import event

from issuer.errors import InvalidValue, RegistryRefusal
from issuer.model.audience import AliasMode, AudienceId, Scope
from issuer.model.service import Service, ServiceId, ServiceState
from issuer.model.usage import ISSUED, UsageKey, UsageSum
from issuer.policy import identifiers
from issuer.policy.lifetimes import Lifetimes
from issuer.policy.lint import neighbours, pairs, rules
from issuer.policy.lint.registered import Registered
from issuer.registry import aliases, audiences, clients, lint, permissions, services
from issuer.registry.audiences import NewAudience
from issuer.registry.clients import ClientChange, NewClient
from issuer.registry.permissions import NewPermission
from issuer.registry.services import NewService
from issuer.store import db, usage
from tests.conftest import START

DAY = 24 * 3600
BOUNDS = Lifetimes(900, DAY)
# Near each other in every way that a rule on pairs knows, and in some that none does.
_SPELLED = """
https://orders.example https://orders.example/ http://orders.example https://www.orders.example
https://orders.example:8443 https://Orders.example/a https://orders.example/A orders.example
https://ordres.example https://order.example https://orders.example/a/b https://orders.example/%61
https://orders.example/customers https://orders.example/costumers https://orders.example/customer
https://orders.example/customers-1 https://orders.example/customers-2 https://orders.examplex
https://orders.example?c https://orders.examplec https://orders.example/customers?x orders-api
order-api Orders.Api orders-api-eu urn:shop:orders urn:shop:ordres URN:shop:orders/ urn:shop
http://localhost:8000 http://localhost:9000 https://wwv.orders.example https://[::1]:80/orders
https://[::1]/orders https://orders.example/a:12/b https://orders.example:1/a:12/b
https://orders.example/caf%C3%A9 https://orders.example/caf%c3%a9 https://orders.example//
https://orders.example/customers/1 https://orders.example/customers2 https://orders.example/customers/
https://orders.example/customers/1?q https://orders.example/customers/?q https://orders.example/customers1?q
abcdefghijkl abdcefghjikl abcedfghixkl abxdefgihjkl abcedfgihjkl https://orders.example/abcdefghijkl
https://orders.example/abdcefghjikl https://orders.example//abxdefghiykl https://orders.example/0/customers
https://orders.example//customers https://orders.example:/customers https://ordres.example:/customers/
urn:shop:orders?b
urn:shop:orders?a urn:shop:ordres?another-one file:///orders/customers file:///orders/costumers/
https://orders.example?costumer https://ordres.example/?costumer svc-00001 svc-00002
"""
SPELLINGS = _SPELLED.split()
SLIPS = st.sampled_from(["swap", "less", "case", "www", "slash", *"adorsz1/:?.-", "%61"])
OWNERS = ["shop", "nobody", ""]
SCOPES = ["read", "write", "*"]


def grow(registrar, engine, random):
    """Register some of everything that a rule looks at; what is refused is left out."""
    for name in ("One", "Two", "Three"):
        with contextlib.suppress(RegistryRefusal):
            services.add_service(
                registrar, NewService(name, random.choice(OWNERS) or "-", random.choice([None, "g"]))
            )
    names = [one.name for one in services.list_services(registrar)]
    for identifier in random.sample(SPELLINGS, 16):
        with contextlib.suppress(RegistryRefusal):
            scopes = tuple(Scope(name) for name in random.sample(SCOPES, random.randint(0, 2)))
            seconds = random.choice([None, 7200])
            new = NewAudience(identifier, random.choice(names), scopes=scopes, access_token_seconds=seconds)
            audiences.add_audience(registrar, new)
    there = [one.identifier for one in audiences.list_audiences(registrar)]
    made = [clients.add_client(registrar, NewClient(f"Client {each}"))[0] for each in range(4)]
    for _ in range(14):
        with contextlib.suppress(RegistryRefusal):
            _change(registrar, engine, random, there, random.choice(made))


def _change(registrar, engine, random, there, client):
    one, other = random.choice(there), random.choice(there)
    random.choice(
        [
            lambda: permissions.grant_permission(registrar, NewPermission(client.client_id, one)),
            lambda: permissions.grant_permission(registrar, NewPermission(client.client_id, "access")),
            lambda: permissions.revoke_permission(registrar, client.client_id, one),
            lambda: aliases.add_alias(registrar, one, random.choice(SPELLINGS), AliasMode.DUAL),
            lambda: audiences.deprecate_audience(registrar, one, random.choice([None, other])),
            lambda: audiences.disable_audience(registrar, one),
            lambda: audiences.remove_audience(registrar, one),
            lambda: clients.change_client(registrar, client.client_id, ClientChange(default_audience=one)),
            lambda: clients.disable_client(registrar, client.client_id),
            lambda: _use(registrar, engine, one, client, random.randint(0, 100)),
        ]
    )()


def _use(registrar, engine, identifier, client, days_ago):
    at = registrar.clock.now() - days_ago * DAY
    audience = audiences.find_audience(registrar, identifier)
    key = UsageKey(at - at % 3600, client.key, audience.id, "client_credentials", ISSUED)
    with db.writing(engine) as connection:
        usage.add_counts(connection, {key: UsageSum(1, at, at + 900)})


def of_all(*spelled: str) -> Registered:
    """Return audiences as if they were registered; their identifiers may be no such."""
    made = []
    for key, identifier in enumerate(spelled, start=1):
        service = Service(ServiceId(key), f"S{key}", "team", None, ServiceState.ACTIVE, False, 0, 1)
        new = NewAudience(identifier, service.name)
        made.append(replace(audiences.draft(new, service, START), id=AudienceId(key)))
    return Registered((), tuple(made), (), (), {}, {}, BOUNDS, START)


@pytest.mark.parametrize(
    "seed", [*range(6), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(6, 100))]
)
def test_one_audience_is_told_what_lint_of_everything_tells_of_it(registrar, engine, clock, seed):
    grow(registrar, engine, Random(seed))
    clock.step((seed % 3) * 50 * DAY)

    everything = lint.lint(registrar, BOUNDS)

    for audience in audiences.list_audiences(registrar):
        concerning = tuple(each for each in everything if audience.identifier in each.concerns)
        assert lint.lint_audience(registrar, audience.identifier, BOUNDS) == concerning


@pytest.mark.parametrize("one", SPELLINGS)
def test_what_rules_on_pairs_find_is_never_left_out(one: str):
    """Of two spellings alone, without a registry: every pair of them."""
    left_out = {other for other in SPELLINGS if other != one and not _is_found(one, other)}

    assert left_out == set()


@given(st.sampled_from(SPELLINGS), st.lists(st.tuples(st.integers(0, 40), SLIPS), min_size=1, max_size=2))
def test_what_a_slip_or_another_spelling_makes_of_one_is_never_left_out(
    one: str, made: list[tuple[int, str]]
):
    other = one
    for place, slip in made:
        begins, ends = other[:place], other[place:]
        other = {
            "swap": begins + ends[1::-1] + ends[2:],
            "less": begins + ends[1:],
            "case": other.swapcase(),
            "www": other.replace("://", "://www."),
            "slash": f"{other}/",
        }.get(slip, begins + slip + ends)
    assume(other != one and _may_be_registered(other))

    assert _is_found(one, other)
    assert _is_found(other, one)


def test_of_equal_words_the_rules_name_the_first_so_all_are_near():
    spelled = ["urn:shop:orders?a", "urn:shop:orders?b", "urn:shop:ordres"]
    registered = of_all(*spelled)

    assert neighbours.choose_near(["urn:shop:orders?b"], list(enumerate(spelled, start=1))) == {1, 2, 3}
    (told,) = pairs.find_slips(registered)
    assert told.concerns == {"urn:shop:orders?a", "urn:shop:ordres"}


def _may_be_registered(text: str) -> bool:
    try:
        identifiers.check_identifier(text)
    except InvalidValue:
        return False
    return True


def _is_found(one: str, other: str) -> bool:
    """Return whether what the rules on pairs find of these two, in this order, is near or begins alike."""
    registered = of_all(one, other)
    found = [*pairs.find_twins(registered), *pairs.find_slips(registered)]
    prefixes = list(pairs.find_prefixes(registered))
    first, second = (each.canonical for each in registered.audiences)
    is_near = neighbours.choose_near([one], [(1, other)]) and neighbours.choose_near([other], [(1, one)])
    begins_alike = neighbours.choose_beginning(first, [(1, second)]) and neighbours.choose_beginning(
        second, [(1, first)]
    )
    return bool((not found or is_near) and (not prefixes or begins_alike))


@pytest.mark.parametrize("seed", range(4))
def test_a_draft_is_told_what_it_would_be_told_once_registered(registrar, engine, seed):
    random = Random(1000 + seed)
    grow(registrar, engine, random)
    codes = {"twin-spelling", "near-twin", "prefix-of-another", "typ-jwt", "no-scopes"}

    for identifier in random.sample(SPELLINGS, 8):
        drafted = lint.lint_draft(registrar, NewAudience(identifier, ""), BOUNDS)
        with contextlib.suppress(RegistryRefusal):
            audiences.add_audience(registrar, NewAudience(identifier, "One"))
            registered = lint.lint_audience(registrar, identifier, BOUNDS)
            audiences.disable_audience(registrar, identifier)
            said = {each.code for each in registered}
            assert {each.code for each in drafted} & codes == said & codes


def test_of_many_clients_those_are_read_of_whom_a_rule_could_tell(registrar, engine, clock, monkeypatch):
    """The page of an audience waits for it, and may be that of one that everybody may ask for."""
    services.add_service(registrar, NewService("Shop", "shop"))
    audiences.add_audience(registrar, NewAudience("https://shop.example/", "Shop"))
    audience = audiences.find_audience(registrar, "https://shop.example/")
    made = [clients.add_client(registrar, NewClient(f"C {each}"))[0] for each in range(20)]
    for client in made:
        permissions.grant_permission(registrar, NewPermission(client.client_id, audience.identifier))
    clients.disable_client(registrar, made[1].client_id)

    judged = []
    apply = rules.apply
    monkeypatch.setattr(
        rules, "apply", lambda all_read, *rest: judged.append(all_read) or apply(all_read, *rest)
    )

    young = lint.lint_audience(registrar, audience.identifier, BOUNDS)
    clock.step(91 * DAY)
    _use(registrar, engine, audience.identifier, made[0], 1)
    old = lint.lint_audience(registrar, audience.identifier, BOUNDS)

    unused = "permission-unused-90-days"
    assert [each for each in young if each.code == unused] == []
    assert {each.name for each in old if each.code == unused} == {one.client_id for one in made[2:]}
    assert len(judged[0].clients) == 1


def test_statements_do_not_grow_with_the_registry(registrar, engine):
    services.add_service(registrar, NewService("Shop", "shop"))
    for number in range(3):
        audiences.add_audience(registrar, NewAudience(f"https://{number}.example/", "Shop"))
    counts = []
    for first in (10, 30):
        statements = []

        def watch(_connection, _cursor, statement, *_rest, into=statements):
            into.append(statement)

        event.listen(engine, "before_cursor_execute", watch)
        lint.lint_audience(registrar, "https://0.example/", BOUNDS)
        event.remove(engine, "before_cursor_execute", watch)
        counts.append(len(statements))
        for number in range(first, first + 20):
            audiences.add_audience(registrar, NewAudience(f"https://{number}.example/", "Shop"))

    assert counts[0] == counts[1] <= 17
