"""The survey: of very many services, which a token concerns; and what libraries would make of it."""

import pytest

from issuer.integrations.libraries import LIBRARIES
from issuer.issuing.verdict import libraries, survey
from issuer.issuing.verdict.survey import Reach
from issuer.model.verdict import Check, CheckName, Outcome
from issuer.policy import resemblance
from issuer.store.addressees import Addressee

ORDERS = "https://orders.example"
GOOD = dict.fromkeys(CheckName, Outcome.PASSED)


def addressee(number: int, spelling: str, **fields: object) -> Addressee:
    """Return an addressee that is primary and expected, unless keywords say otherwise."""
    given = {"is_primary": True, "is_expected": True, "is_for_refresh": False, **fields}
    given = {"service": f"Service {number}", **given}
    return Addressee(audience_id=number, spelling=spelling, **given)


def conclude(typ: str = "at+jwt", **outcomes: Outcome):
    """Return the conclusions on a good token of which some checks came out otherwise, by library."""
    checks = [Check(name, outcomes.get(name.value, outcome)) for name, outcome in GOOD.items()]
    return {(one.library.name, one.library.language): one for one in libraries.conclude(checks, typ)}


def test_what_a_token_names_is_told_from_what_it_nearly_names():
    every = [
        addressee(1, ORDERS),
        addressee(2, f"{ORDERS}/"),
        addressee(3, "https://order.example"),
        addressee(4, "https://billing.example"),
    ]

    found = survey.choose([ORDERS], every, Reach())

    assert (found.named, found.near, found.others, found.total) == ((1,), (2, 3), (4,), 1)


def test_a_name_without_its_scheme_is_near():
    """As older libraries and people write it."""
    assert survey.choose(["orders.example"], [addressee(1, ORDERS)], Reach()).near == (1,)


def test_an_alias_that_is_named_brings_its_audience():
    every = [addressee(1, "https://new.example"), addressee(1, ORDERS, is_primary=False)]

    assert survey.choose([ORDERS], every, Reach()).named == (1,)


def test_what_no_service_expects_has_no_verdict_but_bears_its_name():
    found = survey.choose([ORDERS], [addressee(1, ORDERS, is_expected=False)], Reach())

    assert (found.audience_ids, found.bearers) == ((), frozenset({1}))


@pytest.mark.parametrize(("name", "named"), [("refresh", (1,)), (ORDERS, ())])
def test_the_token_endpoint_is_concerned_by_what_is_addressed_to_it_alone(name: str, named: tuple[int, ...]):
    every = [addressee(1, "refresh", is_expected=False, is_for_refresh=True)]

    found = survey.choose([name], every, Reach())

    assert (found.named, found.others) == (named, ())


@pytest.mark.parametrize("search", ["STOCK", "service 2"])
def test_a_search_narrows_the_others_only(search: str):
    every = [addressee(1, ORDERS), addressee(2, "https://stock.example"), addressee(3, "https://zoo.example")]

    found = survey.choose([ORDERS], every, Reach(search))

    assert (found.named, found.others, found.total) == ((1,), (2,), 1)


def test_the_others_come_in_parts_by_spelling():
    every = [addressee(number, f"https://{name}.example") for number, name in enumerate("dcba", 1)]

    found = survey.choose([], every, Reach(offset=1, size=2))

    assert (found.others, found.total) == ((3, 2), 4)


def test_of_many_services_few_are_compared(monkeypatch: pytest.MonkeyPatch):
    """Comparing each of 10,000 spellings with each name took a minute."""
    compared: list[str] = []
    monkeypatch.setattr(resemblance, "find_differences", lambda _, other: compared.append(other) or ())
    every = [addressee(number, f"https://api{number}.example/thing-{number}") for number in range(5000)]
    names = [f"https://other{number}.example/thing" for number in range(800)]

    survey.choose([*names, "https://api17.example/"], every, Reach())
    survey.choose(["https://api17.example/"], every, Reach())

    assert set(compared) == {"https://api17.example/thing-17"}


@pytest.mark.parametrize("name", ["https://[", "", "\x00", "https://" + "a" * 16_000, "://", "é"])
def test_no_name_makes_it_fail(name: str):
    assert survey.choose([name], [addressee(1, ORDERS)], Reach()).others == (1,)


def test_a_library_that_is_not_told_the_audience_lets_a_good_token_pass():
    found = conclude()

    assert (found["jose", "Node"].untold, found["jose", "Node"].told) == (True, False)
    assert (found["PyJWT", "Python"].untold, found["PyJWT", "Python"].told) == (False, False)
    assert (found["express-oauth2-jwt-bearer", "Node"].untold) is False


def test_a_library_that_cannot_be_told_lets_it_pass_always():
    assert conclude()["firebase/php-jwt", "PHP"].told


@pytest.mark.parametrize("failed", ["signature", "kid", "alg", "parse"])
def test_what_no_published_key_signed_passes_nowhere(failed: str):
    assert not any(one.untold or one.told for one in conclude(**{failed: Outcome.FAILED}).values())


def test_an_expired_token_passes_only_where_no_claim_is_checked():
    passing = {name for (name, _), one in conclude(exp=Outcome.FAILED).items() if one.untold}

    assert passing == {one.name for one in LIBRARIES if not one.checks_expiry}


@pytest.mark.parametrize(
    ("typ", "library", "untold"),
    [
        ("at+jwt", ("Spring Security", "Java"), False),
        ("JWT", ("Spring Security", "Java"), True),
    ],
)
def test_a_typ_that_a_library_does_not_take_by_default(typ: str, library: tuple[str, str], untold: bool):
    assert conclude(typ)[library].untold is untold


def test_every_library_is_listed_once():
    names = [(library.name, library.language) for library in LIBRARIES]

    assert len(names) == len(set(names))
