"""Kept plans: the same answer as deciding anew, for exactly as long as that would be the answer."""

from dataclasses import replace

import pytest

from issuer.errors import InvalidTarget
from issuer.issuing import client_credentials, kept_plans
from issuer.issuing.kept_plans import KeptPlans
from issuer.model.audience import AliasMode
from issuer.model.permission import ClientRecord, SubjectKind
from issuer.model.token_plan import Grant, GrantedRequest, Subject, TargetRequest, TokenPlan
from tests.unit.policy import builders

ORDERS = "https://orders.example"
OLD = "https://old.example"
NOW = builders.NOW
ASK = TargetRequest(resources=(ORDERS,))


class Decisions:
    """Decides as the token endpoint does, and counts how often."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, request: TargetRequest, record: ClientRecord, now: int) -> TokenPlan:
        """Decide."""
        self.count += 1
        return client_credentials.plan(request, record, now, builders.BOUNDS)


def record_of(*aliases, client_id: str = "shop") -> ClientRecord:
    """Return a client that is permitted `ORDERS`, with these aliases."""
    made = builders.record(
        builders.permission(builders.audience(ORDERS, scopes="read", aliases=aliases), scopes="read")
    )
    return replace(made, client=replace(made.client, client_id=client_id))


@pytest.fixture
def decisions() -> Decisions:
    """Give what decides and counts."""
    return Decisions()


@pytest.fixture
def plans(decisions: Decisions) -> KeptPlans:
    """Give kept plans over `decisions`."""
    return KeptPlans(decisions)


def test_same_question_is_decided_once(plans, decisions):
    record = record_of()

    first = plans.plan(ASK, record, NOW)
    again = plans.plan(TargetRequest(resources=(ORDERS,)), record, NOW + 3600)

    assert again is first
    assert decisions.count == 1


@pytest.mark.parametrize(
    "other",
    [
        TargetRequest(resources=(ORDERS,), scope="read"),
        TargetRequest(audiences=(ORDERS,)),
        TargetRequest(),
    ],
)
def test_another_question_is_decided_by_itself(plans, decisions, other):
    record = record_of()
    plans.plan(ASK, record, NOW)

    plans.plan(other, record, NOW)

    assert decisions.count == 2


def test_what_is_asked_of_a_grant_is_decided_once_for_each_grant_and_subject():
    decided = []

    def decide(asked: GrantedRequest, _record: ClientRecord, _now: int) -> GrantedRequest:
        decided.append(asked)
        return asked

    plans, record = KeptPlans(decide), record_of()
    grants = [Grant((ORDERS,), frozenset({"read"})), Grant((ORDERS,), frozenset({"read", "write"}))]
    subjects = [Subject(SubjectKind.CLIENT, "shop"), Subject(SubjectKind.CLIENT, "shop", "tenant")]
    questions = [GrantedRequest(ASK, subject, grant) for subject in subjects for grant in grants]

    for _ in range(2):
        assert [plans.plan(question, record, NOW) for question in questions] == questions

    assert decided == questions


def test_grant_of_many_words_is_not_kept():
    decided = []
    plans = KeptPlans(lambda asked, _record, _now: decided.append(asked))
    scopes = frozenset(f"scope-{number}" for number in range(200))
    question = GrantedRequest(ASK, Subject(SubjectKind.CLIENT, "shop"), Grant((ORDERS,), scopes))
    record = record_of()

    for _ in range(2):
        plans.plan(question, record, NOW)

    assert len(decided) == 2


def test_changed_registry_is_decided_anew_though_it_looks_the_same(plans, decisions):
    plans.plan(ASK, record_of(), NOW)

    plans.plan(ASK, record_of(), NOW)

    assert decisions.count == 2


def test_plan_of_a_record_that_permits_no_more_is_not_given(plans):
    plans.plan(ASK, record_of(), NOW)
    withdrawn = builders.record()

    with pytest.raises(InvalidTarget):
        plans.plan(ASK, withdrawn, NOW)


def test_clients_do_not_share_a_plan(plans):
    mine, theirs = record_of(), record_of(client_id="other")

    plans.plan(ASK, mine, NOW)

    assert plans.plan(ASK, theirs, NOW).client.client_id == "other"
    assert plans.plan(ASK, mine, NOW).client.client_id == "shop"


def test_dual_alias_leaves_aud_at_its_date(plans):
    record = record_of(builders.alias(OLD, AliasMode.DUAL, NOW + 10))

    before = plans.plan(ASK, record, NOW).aud
    last = plans.plan(ASK, record, NOW + 9).aud
    after = plans.plan(ASK, record, NOW + 10).aud

    assert (before, last, after) == ((ORDERS, OLD), (ORDERS, OLD), (ORDERS,))


def test_accepted_alias_is_refused_at_its_date(plans):
    record = record_of(builders.alias(OLD, AliasMode.ACCEPT, NOW + 10))
    plans.plan(TargetRequest(resources=(OLD,)), record, NOW)

    with pytest.raises(InvalidTarget):
        plans.plan(TargetRequest(resources=(OLD,)), record, NOW + 10)


def test_clock_that_is_set_back_is_decided_anew(plans):
    record = record_of(builders.alias(OLD, AliasMode.DUAL, NOW + 10))
    plans.plan(ASK, record, NOW + 10)

    assert plans.plan(ASK, record, NOW).aud == (ORDERS, OLD)


def test_refusal_is_not_kept(plans, decisions):
    for _ in range(2):
        with pytest.raises(InvalidTarget):
            plans.plan(TargetRequest(resources=(OLD,)), record_of(), NOW)

    assert decisions.count == 2


def test_oldest_plan_goes_when_there_are_too_many(plans, decisions, monkeypatch):
    monkeypatch.setattr(kept_plans, "MOST_PLANS", 2)
    record = record_of()
    questions = [ASK, TargetRequest(), TargetRequest(audiences=(ORDERS,))]
    for question in questions:
        plans.plan(question, record, NOW)

    plans.plan(questions[2], record, NOW)
    plans.plan(questions[1], record, NOW)
    assert decisions.count == 3
    plans.plan(questions[0], record, NOW)
    assert decisions.count == 4


@pytest.mark.parametrize(
    ("question", "count"),
    [
        (TargetRequest(scope=" ".join(["read"] * 200)), 1),
        (TargetRequest(scope=" ".join(["read"] * 3000)), 2),
        (TargetRequest(resources=(ORDERS,) * 97), 2),
        (TargetRequest(audiences=(ORDERS,) * 97), 2),
    ],
)
def test_long_question_is_not_kept(plans, decisions, question: TargetRequest, count: int):
    """A client may ask in ever other ways for what it gets: 4096 requests of 64 KB would be 256 MB."""
    record = record_of()
    plans.plan(question, record, NOW)
    plans.plan(question, record, NOW)

    assert decisions.count == count
