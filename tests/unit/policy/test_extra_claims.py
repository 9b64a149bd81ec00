import pytest

from issuer.errors import InvalidValue
from issuer.policy import extra_claims


def nested(depth):
    return [nested(depth - 1)] if depth else 1


@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"tier": "gold"},
        {"a": None, "b": True, "c": 1.5, "d": [{"e": "ü"}]},
        {"a": nested(4)},
        {"iss2": 1},
        {"https://x/iss": 1},
        {"a": "x" * 2039},
    ],
    ids=["none", "text", "types", "deep", "alike", "uri", "large"],
)
def test_claims_of_the_audiences_own_are_kept(claims):
    assert extra_claims.check_extra_claims(claims) == claims


@pytest.mark.parametrize("name", sorted(extra_claims.RESERVED_CLAIMS))
def test_a_claim_of_the_issuer_is_refused(name):
    """Row 39 of the attacks: custom claims override reserved ones."""
    with pytest.raises(InvalidValue):
        extra_claims.check_extra_claims({name: "x"})


@pytest.mark.parametrize(
    "text", ["a\x1b[2J", "a\nb", "\x9b31m", "\x00", "\x7f", "\u202ea", "\u2028", "\ud800"]
)
@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: {text: 1},
        lambda text: {"a": text},
        lambda text: {"a": ["b", text]},
        lambda text: {"a": {"b": {text: None}}},
    ],
    ids=["name", "value", "value within", "name within"],
)
def test_claims_hold_nothing_that_breaks_a_log_or_a_terminal(wrap, text):
    """A document may come from anybody who proposes a change; its difference is shown before it is taken."""
    with pytest.raises(InvalidValue):
        extra_claims.check_extra_claims(wrap(text))


@pytest.mark.parametrize("number", [2**63, -(2**63), 10**500])
@pytest.mark.parametrize(
    "wrap", [lambda it: {"a": it}, lambda it: {"a": [{"b": it}]}], ids=["value", "within"]
)
def test_a_number_that_programs_read_differently_is_refused(wrap, number):
    """RFC 8259 §6. One of 500 digits came back from a document as a text."""
    with pytest.raises(InvalidValue):
        extra_claims.check_extra_claims(wrap(number))


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63) + 1, 0, 1e308])
def test_a_number_of_64_bits_is_kept(number):
    assert extra_claims.check_extra_claims({"a": number}) == {"a": number}


@pytest.mark.parametrize("name", ["ISS", "Aud", "client_ID"])
def test_a_claim_of_the_issuer_is_refused_in_any_case(name):
    with pytest.raises(InvalidValue):
        extra_claims.check_extra_claims({name: "x"})


@pytest.mark.parametrize(
    "claims",
    [
        {"": 1},
        {1: "a"},
        {"a": float("nan")},
        {"a": float("inf")},
        {"a": "\ud800"},
        {"a\ud800": 1},
        {"a": {1, 2}},
        {"a": nested(5)},
        {"a": nested(900)},
        {"a": "x" * 2041},
        {"a": "ü" * 1021},
    ],
    ids=["empty", "number", "nan", "inf", "half", "half-name", "set", "deep", "deeper", "large", "bytes"],
)
def test_what_is_no_small_json_object_is_refused(claims):
    with pytest.raises(InvalidValue):
        extra_claims.check_extra_claims(claims)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ({}, {}, None),
        ({"a": 1}, {"b": 2}, None),
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 2, "x": 1}}, None),
        ({"a": 1}, {"a": 2}, "a"),
        ({"a": 1}, {"a": True}, "a"),
        ({"a": 1}, {"a": 1.0}, "a"),
        ({"a": 1}, {"a": None}, "a"),
        ({"b": 1, "a": 1}, {"a": 2, "b": 2}, "a"),
    ],
)
def test_a_clash_is_one_claim_with_two_values(one, other, clash):
    assert extra_claims.find_clash(one, other) == clash
    assert extra_claims.find_clash(other, one) == clash
