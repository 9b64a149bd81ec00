"""The claims of an access token, exactly (RFC 9068 §2.2)."""

import json
from dataclasses import replace

import pytest

from issuer.issuing import claims
from issuer.model.audience import AliasMode
from issuer.model.token_plan import TokenPlan
from tests.unit.policy import builders

NOW = builders.NOW
URL = "https://id.example"
ORDERS = "https://orders.example"


@pytest.fixture
def plan() -> TokenPlan:
    """Give the plan of a token for one audience."""
    return builders.plan(builders.record(builders.audience(ORDERS, scopes="read write")))


def test_claims_are_these_and_no_others(plan: TokenPlan) -> None:
    """RFC 9068 §2.2."""
    assert claims.access_token_claims(plan, URL, "jti-1", NOW) == {
        "iss": URL,
        "sub": "somebody",
        "aud": ORDERS,
        "client_id": "shop",
        "iat": NOW,
        "exp": NOW + 900,
        "jti": "jti-1",
        "scope": "read write",
    }


def test_scope_is_left_out_when_there_is_none(plan: TokenPlan) -> None:
    """RFC 9068 §2.2.3: it is there only if it says something."""
    assert "scope" not in claims.access_token_claims(replace(plan, scopes=()), URL, "jti-1", NOW)


def test_several_audiences_are_an_array() -> None:
    """RFC 7519 §4.1.3."""
    alias = builders.alias("https://old.example", AliasMode.DUAL)
    plan = builders.plan(builders.record(builders.audience(ORDERS, aliases=[alias])))

    made = claims.access_token_claims(plan, URL, "jti-1", NOW)

    assert made["aud"] == [ORDERS, "https://old.example"]


def test_tenant_stands_in_a_claim_of_its_own(plan: TokenPlan) -> None:
    plan = replace(plan, subject=replace(plan.subject, tenant_id="acme"))

    made = claims.access_token_claims(plan, URL, "jti-1", NOW)

    assert (made["tenant_id"], made["aud"]) == ("acme", ORDERS)


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "client_id", "iat", "exp", "jti", "scope"])
def test_extra_claim_never_replaces_one_of_ours(plan: TokenPlan, name: str) -> None:
    """Such names are refused at registration; this holds even if one got in."""
    plain = claims.access_token_claims(plan, URL, "jti-1", NOW)

    made = claims.access_token_claims(replace(plan, extra_claims={name: "forged"}), URL, "jti-1", NOW)

    assert made == plain


def test_extra_claims_are_added(plan: TokenPlan) -> None:
    made = claims.access_token_claims(replace(plan, extra_claims={"region": "eu"}), URL, "jti-1", NOW)

    assert made["region"] == "eu"


@pytest.mark.parametrize("family", [None, 'family-"1'])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"scopes": ()},
        {"aud": (ORDERS, 'https://old.example/"\\')},
        {"extra_claims": {"region": "\N{SNOWMAN}", "limits": {"a": [1, None, True]}}},
        {"extra_claims": {"jti": "forged", "iat": 1, "exp": 2, "family": "forged", "iss": "forged"}},
    ],
)
def test_written_claims_are_the_same_and_each_stands_once(
    plan: TokenPlan, change: dict, family: str | None
) -> None:
    """RFC 7519 §4: a claim that stands twice means one thing to one reader and another to the next."""
    plan = replace(plan, **change)
    made = claims.access_token_claims(plan, URL, 'jti"1', NOW, family)

    written = claims.write_claims(claims.write_fixed(plan, URL), 'jti"1', NOW, NOW + 900, family)

    assert json.loads(written, object_pairs_hook=list) == json.loads(json.dumps(made), object_pairs_hook=list)
