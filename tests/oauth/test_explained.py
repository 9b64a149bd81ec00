"""What `token explain` says of a token is what introspection answers the service."""

import pytest

from issuer.issuing.verdict.explainer import Explainer
from issuer.issuing.verdict.survey import Reach
from issuer.model.audience import AliasMode
from issuer.model.verdict import TokenKind
from issuer.registry import audiences, clients, services
from issuer.store import addressees
from tests.oauth.world import ON_BOTH_DATABASES

ORDERS = "https://orders.example"
BILLING = "https://billing.example"


@pytest.fixture
def shop(open_world):
    """Give a world: Robot may ask for orders and refresh, Checker speaks for the service of orders."""
    shop = open_world()
    shop.add_audience(ORDERS, "read", service="Shop")
    shop.add_audience(BILLING, "pay", service="Bank")
    grants = frozenset(clients.GrantType)
    shop.add_client("Robot", ORDERS, grant_types=grants, may_use_offline_access=True)
    shop.add_client("Checker", service="Shop")
    return shop


@ON_BOTH_DATABASES
def test_spellings_are_read_once_until_the_registry_changes(shop, monkeypatch):
    """Ten thousand of them take longer to read than all the rest of a survey."""
    access, _ = ask_for_pair(shop)
    read = []
    list_addressees = addressees.list_addressees
    monkeypatch.setattr(
        addressees, "list_addressees", lambda connection: read.append(1) or list_addressees(connection)
    )
    parts = shop.parts
    explainer = Explainer(parts.settings.url, parts.engine, parts.keyring, parts.clock)

    first, again = (explainer.survey(access, Reach()).total for _ in range(2))
    shop.add_audience("https://new.example", "read", service="New")
    after = explainer.survey(access, Reach()).total

    assert (again, after) == (first, first + 1)
    assert len(read) == 2


def ask_for_pair(shop):
    """Return an access and a refresh token of Robot."""
    answer = shop.ask(shop.clients["Robot"], resource=ORDERS, scope="read offline_access").json
    return answer["access_token"], answer["refresh_token"]


def introspect(shop, token):
    """Return whether the service of orders is told that the token is active."""
    headers = {"Authorization": shop.clients["Checker"].basic}
    return shop.post(f"token={token}", headers, "/oauth/introspect").json["active"]


def explain(shop, token, spelling=ORDERS):
    """Return the explanation of a token, for one service or for all."""
    parts = shop.parts
    return Explainer(parts.settings.url, parts.engine, parts.keyring, parts.clock).explain(token, spelling)


def revoke(shop, token):
    """Let Robot give a token up."""
    headers = {"Authorization": shop.clients["Robot"].basic}
    assert shop.post(f"token={token}", headers, "/oauth/revoke").status == 200


def _nothing(_shop, _access, _refresh, _clock):
    """Leave all as it is."""


def _revoke_access(shop, access, _refresh, _clock):
    revoke(shop, access)


def _revoke_refresh(shop, _access, refresh, _clock):
    revoke(shop, refresh)


def _expire(_shop, _access, _refresh, clock):
    clock.step(900)


def _disable_client(shop, *_):
    clients.disable_client(shop.registrar, shop.clients["Robot"].client_id)


def _disable_audience(shop, *_):
    audiences.disable_audience(shop.registrar, ORDERS)


def _deprecate_audience(shop, *_):
    audiences.deprecate_audience(shop.registrar, ORDERS)


def _disable_service(shop, *_):
    services.disable_service(shop.registrar, "Shop")


def _add_alias(shop, *_):
    shop.add_alias(ORDERS, "old", AliasMode.DUAL.value)


@ON_BOTH_DATABASES
@pytest.mark.parametrize(
    ("happen", "is_good"),
    [
        (_nothing, True),
        (_deprecate_audience, True),
        (_add_alias, True),
        (_revoke_access, False),
        (_revoke_refresh, False),
        (_expire, False),
        (_disable_client, False),
        (_disable_audience, False),
        (_disable_service, False),
    ],
)
def test_the_verdict_is_what_introspection_answers(shop, clock, happen, is_good):
    access, refresh = ask_for_pair(shop)

    happen(shop, access, refresh, clock)
    shop.look()

    assert introspect(shop, access) is is_good
    assert explain(shop, access).verdicts[0].is_accepted is is_good


def test_a_refresh_token_opens_none_of_all_services_and_not_even_access(shop):
    _, refresh = ask_for_pair(shop)

    explanation = explain(shop, refresh, None)

    assert explanation.kind is TokenKind.REFRESH_TOKEN
    assert [verdict.is_accepted for verdict in explanation.verdicts] == [False] * 4
    assert introspect(shop, refresh) is False


def test_a_refresh_token_is_good_at_the_token_endpoint_until_it_is_spent(shop):
    _, refresh = ask_for_pair(shop)
    fresh = explain(shop, refresh, "refresh").verdicts[0]

    shop.ask(shop.clients["Robot"], grant_type="refresh_token", refresh_token=refresh)

    spent = explain(shop, refresh, "refresh").verdicts[0]
    assert fresh.is_accepted
    assert not spent.is_accepted
    assert "The refresh token is spent" in spent.reason


def test_one_token_is_accepted_by_its_audience_alone(shop):
    access, _ = ask_for_pair(shop)

    verdicts = explain(shop, access, None).verdicts

    assert [verdict.expectation.spelling for verdict in verdicts if verdict.is_accepted] == [ORDERS]


def test_nothing_of_a_token_is_logged(shop):
    access, refresh = ask_for_pair(shop)
    before = shop.lines()

    explain(shop, access)
    explain(shop, refresh, None)

    assert shop.lines() == before
