"""The token plan as a whole: how the token looks, and the order of the decisions."""

import pytest

from issuer.errors import InvalidGrant, InvalidTarget
from issuer.model.audience import AliasMode, SigningAlg, TokenTyp
from issuer.model.permission import SubjectKind
from issuer.model.token_plan import Subject, TargetRequest
from issuer.policy import token_plan
from tests.unit.policy.builders import (
    BOUNDS,
    NOW,
    alias,
    asking,
    audience,
    grant,
    plan,
    record,
    token_policy,
)

CLASHES = [
    pytest.param("gold", "silver", id="texts"),
    pytest.param(1, True, id="number-and-boolean"),
    pytest.param(0, False, id="zero-and-false"),
    pytest.param(1, 1.0, id="integer-and-fraction"),
    pytest.param(1, "1", id="number-and-text"),
    pytest.param(None, False, id="null-and-false"),
    pytest.param([1, 2], [2, 1], id="order-of-a-list"),
    pytest.param({"a": [1]}, {"a": [True]}, id="nested"),
]


def claiming(*claims):
    """Return a client that may ask for `api-0`, `api-1` … with these extra claims."""
    return record(
        *(audience(f"api-{n}", n + 1, policy=token_policy(claims=one)) for n, one in enumerate(claims))
    )


def test_a_plan_tells_all_that_is_decided():
    policy = token_policy(seconds=300, alg=SigningAlg.ES256, typ=TokenTyp.JWT, claims={"tier": "gold"})
    orders = audience("orders", scopes="read write", policy=policy)
    of = record(orders)
    subject = Subject(SubjectKind.USER, "anna", "north")

    planned = token_plan.plan_token(asking("orders", scope="write read"), of, subject, NOW, bounds=BOUNDS)

    assert planned == token_plan.TokenPlan(
        client=of.client,
        subject=subject,
        audiences=(orders,),
        aud=("orders",),
        scopes=("read", "write"),
        issuer_scopes=frozenset(),
        lifetime_seconds=300,
        signing_alg=SigningAlg.ES256,
        typ=TokenTyp.JWT,
        extra_claims={"tier": "gold"},
    )


def test_the_lifetime_is_the_minimum_of_all():
    of = record(
        audience("a", 1, policy=token_policy(seconds=600)),
        audience("b", 2, policy=token_policy(seconds=500)),
        max_seconds=550,
    )

    planned = plan(of, asking("a", "b"))

    assert planned.lifetime_seconds == 500


def test_extra_claims_of_several_audiences_merge():
    planned = plan(claiming({"tier": "gold"}, {"region": [1, {"b": 1, "a": 2}]}), asking("api-0", "api-1"))

    assert planned.extra_claims == {"tier": "gold", "region": [1, {"b": 1, "a": 2}]}


def test_the_same_claim_of_several_audiences_is_one():
    planned = plan(claiming({"x": {"b": 1, "a": 2}}, {"x": {"a": 2, "b": 1}}), asking("api-0", "api-1"))

    assert planned.extra_claims == {"x": {"b": 1, "a": 2}}


@pytest.mark.parametrize(("one", "other"), CLASHES)
def test_extra_claims_that_differ_as_json_are_refused_together(one, other):
    with pytest.raises(InvalidTarget):
        plan(claiming({"tier": one}, {"tier": other}), asking("api-0", "api-1"))


def test_a_grant_whose_extra_claims_clash_by_now_is_lost_together():
    of = claiming({"tier": "gold"}, {"tier": "silver"})

    with pytest.raises(InvalidGrant):
        plan(of, held=grant("api-0", "api-1"))


def test_a_clash_with_the_first_is_seen_in_the_last():
    of = claiming({"tier": "gold"}, {}, {"tier": "silver"})

    with pytest.raises(InvalidTarget):
        plan(of, asking("api-0", "api-1", "api-2"))


def test_extra_claims_of_audiences_not_asked_for_stay_out():
    planned = plan(claiming({"tier": "gold"}, {"tier": "silver"}), asking("api-1"))

    assert planned.extra_claims == {"tier": "silver"}


def test_a_plan_without_scope_has_none():
    planned = plan(record(audience("orders")), asking("orders"))

    assert planned.scopes == ()


def test_nothing_of_the_request_reaches_the_plan():
    """The registered spelling stands in the plan, never what was asked for."""
    of = record(audience("https://api.example/", aliases=[alias("old"), alias("urn:old", AliasMode.DUAL)]))
    asked = ("https://API.example:443", "old", "urn:old")

    planned = plan(of, asking(*asked))

    assert planned.aud == ("https://api.example/", "urn:old")


def test_the_same_question_has_the_same_answer():
    """The token endpoint, the preview and the inspector ask the same function."""
    of = record(audience("orders", scopes="read"))
    request = TargetRequest(audiences=("orders",), scope="read")

    assert plan(of, request) == plan(of, request)
