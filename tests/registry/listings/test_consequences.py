"""Consequences: what would end, in numbers, before anybody ends it."""

import pytest

from issuer.errors import NotFound
from issuer.model.audience import AliasMode, Scope, SigningAlg, TokenTyp
from issuer.policy.lifetimes import Lifetimes, RefreshLifetimes
from issuer.registry import aliases, audiences, client_secrets, clients, permissions, services
from issuer.registry.audiences import AudienceChange
from issuer.registry.listings import activity, consequences, token_policy
from issuer.registry.listings.activity import Span
from issuer.registry.listings.consequences import Consequences, Tokens
from issuer.registry.permissions import NewPermission
from tests.conftest import START
from tests.oauth.world import watching_statements

ORDERS = "https://orders.example/"
DAY = 24 * 3600


@pytest.fixture
def busy(town, ids, count, grow):
    """Give the town after some use: tokens of all ages, families of all states."""
    count(ids["Robot"], "a_b", 100, 3)
    count(ids["ant"], "a_b", 23 * 3600, 5)
    count(ids["ant"], "a_b", 20 * DAY, 40)
    count(ids["ant"], "a_b", 31 * DAY, 500)
    count(ids["Robot"], ORDERS, 2000, 7)
    count(ids["Bee"], "a_b", 0, 9, outcome="invalid_target")
    grow(ids["Robot"], "f1", 10)
    grow(ids["Robot"], "f2", 10, aud=(ORDERS,))
    grow(ids["Robot"], "f3", 10, aud=(ORDERS, "a_b"))
    grow(ids["ant"], "f4", 10)
    grow(ids["ant"], "f5", 10, is_ended=True)
    grow(ids["ant"], "f6", 2 * DAY)
    return town


def test_of_an_audience(busy):
    found = consequences.of_audience(busy, "a_b")

    assert found == Consequences(1, 2, 3, Tokens(START - 100 + 900, 8, 48), 2)


def test_of_an_audience_whose_last_token_has_ended(busy):
    found = consequences.of_audience(busy, ORDERS)

    assert found == Consequences(1, 1, 2, Tokens(None, 7, 7), 1)


def test_of_a_client(busy, ids):
    assert consequences.of_client(busy, ids["Robot"]) == Consequences(2, 1, 3, Tokens(START + 800, 10, 10), 2)
    assert consequences.of_client(busy, ids["cat"]) == Consequences(0, 1, 0, Tokens(None, 0, 0), 0)


def test_of_a_permission(busy, ids):
    found = consequences.of_permission(busy, ids["Robot"], "a_b")

    assert found == Consequences(1, 1, 2, Tokens(START + 800, 3, 3), 1)


def test_of_a_service(busy, ids):
    permissions.grant_permission(busy, NewPermission(ids["Robot"], "a-b", frozenset({"read"})))

    assert consequences.of_service(busy, "Zoo") == Consequences(3, 2, 3, Tokens(START + 800, 8, 48), 3)
    assert consequences.of_service(busy, "bank") == Consequences(1, 0, 0, Tokens(None, 0, 0), 0)


def test_families_count_under_the_name_that_the_audience_had_when_they_began(busy):
    aliases.rename_audience(busy, "a_b", "https://zoo.example", START + DAY)

    assert consequences.of_audience(busy, "https://zoo.example").families == 3


def test_a_name_that_only_begins_the_same_is_another(busy, ids, grow):
    grow(ids["ant"], "f7", 10, aud=("a_b_c", "xa_b", "A_B", "a-b"))

    assert consequences.of_audience(busy, "a_b").families == 3


def test_a_disabled_client_counts_for_no_audience(busy, ids):
    clients.disable_client(busy, ids["ant"])

    assert consequences.of_audience(busy, "a_b").clients == 1


def test_of_what_is_disabled_nothing_ends_at_once_and_removing_takes_the_permissions(busy, ids):
    audiences.disable_audience(busy, ORDERS)
    services.disable_service(busy, "Zoo")
    clients.disable_client(busy, ids["Robot"])

    assert consequences.of_audience(busy, ORDERS) == Consequences(0, 0, 0, Tokens(None, 7, 7), 1)
    assert consequences.of_audience(busy, "a_b") == Consequences(0, 0, 0, Tokens(START + 800, 8, 48), 2)
    assert consequences.of_service(busy, "Zoo") == Consequences(0, 0, 0, Tokens(START + 800, 8, 48), 2)
    assert consequences.of_client(busy, ids["Robot"]) == Consequences(0, 0, 0, Tokens(START + 800, 10, 10), 2)


def test_what_was_revoked_is_not_taken_away_again(busy, ids):
    permissions.revoke_permission(busy, ids["ant"], "a_b")

    assert consequences.of_audience(busy, "a_b").permissions == 1
    assert consequences.of_client(busy, ids["ant"]).permissions == 0


def test_of_a_secret(busy, ids):
    second, _ = client_secrets.add_secret(busy, ids["ant"], "second", 3)

    found = consequences.of_secret(busy, ids["ant"], second.id)

    assert (found.last_used_at, found.is_usable, found.others) == (None, True, 1)
    client_secrets.revoke_secret(busy, ids["ant"], second.id)
    found = consequences.of_secret(busy, ids["ant"], second.id)
    assert (found.is_usable, found.others) == (False, 1)


def test_of_what_is_not_there(busy, ids):
    for ask in (
        lambda: consequences.of_audience(busy, "nothing"),
        lambda: consequences.of_service(busy, "nothing"),
        lambda: consequences.of_client(busy, "nobody"),
        lambda: consequences.of_permission(busy, "nobody", "a_b"),
        lambda: consequences.of_secret(busy, ids["ant"], "none"),
    ):
        with pytest.raises(NotFound):
            ask()


def test_consequences_take_few_statements(busy, ids, engine):
    with watching_statements(engine) as statements:
        consequences.of_audience(busy, "a_b")

    assert len([one for one in statements if not one.startswith("BEGIN")]) <= 10


@pytest.mark.parametrize(("span", "issued"), [(Span.DAY, 8), (Span.WEEK, 8), (Span.MONTH, 48)])
def test_activity_of_an_audience(busy, span, issued):
    found = activity.find_audience_activity(busy, "a_b", span)

    assert found.total("issued") == issued
    assert len(found.by_outcome["issued"]) == span
    assert found.first_hour == START - (span - 1) * 3600
    assert set(found.by_outcome) == {"issued"}


def test_activity_of_a_client_tells_what_was_refused_and_why(busy, ids, count):
    count(ids["Bee"], "a-b", 7200, 2, outcome="invalid_scope")
    count(ids["Bee"], "a-b", 7200, 1)

    found = activity.find_client_activity(busy, ids["Bee"], Span.DAY)

    assert {name: sum(hours) for name, hours in found.by_outcome.items()} == {
        "invalid_scope": 2,
        "invalid_target": 9,
        "issued": 1,
    }
    assert found.by_outcome["invalid_scope"][-3:] == (2, 0, 0)
    assert found.total("server_error") == 0


def test_activity_of_what_is_not_there(busy):
    with pytest.raises(NotFound):
        activity.find_audience_activity(busy, "nothing", Span.DAY)
    with pytest.raises(NotFound):
        activity.find_client_activity(busy, "nobody", Span.DAY)


def test_the_effective_policy_says_whose_word_each_value_is(town):
    change = AudienceChange(
        access_token_seconds=120,
        refresh_absolute_seconds=3600,
        typ=TokenTyp.JWT,
        signing_alg=SigningAlg.ES256,
        extra_claims={"tier": 1},
        add_scopes=(Scope("x"),),
    )
    audiences.change_audience(town, "a_b", change)
    aliases.add_alias(town, "a_b", "urn:old", AliasMode.DUAL, START + 10)
    audience = audiences.find_audience(town, "a_b")

    found = token_policy.explain(audience, Lifetimes(900, DAY), RefreshLifetimes(7200, 9000), START)

    assert (found.access.seconds, found.access.origin) == (120, "audience")
    assert (found.refresh_absolute.seconds, found.refresh_absolute.origin) == (3600, "audience")
    assert (found.refresh_idle.seconds, found.refresh_idle.origin) == (3600, "absolute life")
    assert found.aud == ("a_b", "urn:old")
    assert (found.typ, found.signing_alg, found.extra_claims) == ("JWT", "ES256", {"tier": 1})
