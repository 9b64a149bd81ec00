"""In what alone two identifiers differ."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from issuer.policy import resemblance
from issuer.policy.resemblance import Difference

SLASH, CASE, SCHEME = Difference.SLASH, Difference.CASE, Difference.SCHEME


@pytest.mark.parametrize(
    ("one", "other", "differences"),
    [
        ("https://x.example/mcp", "https://x.example/mcp/", (SLASH,)),
        ("https://x.example", "https://x.example/", (SLASH,)),
        ("https://x.example/MCP", "https://x.example/mcp", (CASE,)),
        ("https://X.example", "https://x.example", (CASE,)),
        ("HTTPS://x.example", "https://x.example", (CASE,)),
        ("http://x.example", "https://x.example", (SCHEME,)),
        ("http://x.example/", "https://x.example", (SCHEME, SLASH)),
        ("http://x.example:80", "https://x.example", (SCHEME, Difference.DEFAULT_PORT)),
        ("https://x.example:443", "https://x.example", (Difference.DEFAULT_PORT,)),
        ("https://x.example:8443", "https://x.example", (Difference.PORT,)),
        ("https://www.x.example", "https://x.example", (Difference.WWW,)),
        ("https://x.example/%41", "https://x.example/A", (Difference.ENCODING,)),
        ("https://odrers.example", "https://orders.example", (Difference.SLIP,)),
        ("https://x.example/odrers", "https://x.example/orders", (Difference.SLIP,)),
        ("https://x.example/v1", "https://x.example/v2", (Difference.PATH,)),
        ("https://x.example/?a=1", "https://x.example/", (Difference.QUERY,)),
        ("x.example", "https://x.example", (SCHEME,)),
        ("x.example/api", "https://x.example/api", (SCHEME,)),
        ("Orders", "orders", (CASE,)),
        ("order", "orders", (Difference.SLIP,)),
        ("urn:example:orders", "URN:example:orders", (CASE,)),
        ("urn:example:ordres", "urn:example:orders", (Difference.SLIP,)),
    ],
)
def test_what_alone_differs_is_told(one, other, differences):
    assert resemblance.find_differences(one, other) == differences
    assert set(resemblance.find_differences(other, one)) == set(differences)
    assert resemblance.make_sieve(one)(other)
    assert resemblance.make_sieve(other)(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://x.example", "https://x.example"),
        ("https://orders.example", "https://billing.example"),
        ("https://orders.example", "https://billing.example/x"),
        ("https://x.example:8443/v1", "https://x.example/v2"),
        ("ftp://x.example", "https://x.example"),
        ("urn:example:a", "urn:example:b"),
        ("orders", "billing"),
        ("", "orders"),
    ],
)
def test_nothing_is_told_of_equals_and_strangers(one, other):
    assert resemblance.find_differences(one, other) == ()


@pytest.mark.parametrize(
    ("one", "other", "is_slip"),
    [
        ("orders", "odrers", True),
        ("orders", "order", True),
        ("warehouse", "wharehose", True),
        ("abc", "abd", False),
        ("orders", "0rder", False),
        ("api1.example", "api2.example", False),
        ("orders-v1", "orders-v12", False),
        ("orders-eu.example", "orders-us.example", False),
        ("orders-dev.example", "orders-qa.example", False),
        ("orders.example", "orders.example", False),
    ],
)
def test_a_slip_is_none_by_chance_and_none_that_was_meant(one, other, is_slip):
    assert resemblance.is_slip(one, other) is is_slip


@given(st.text(max_size=300), st.text(max_size=300))
@example("https://[::1]:99999/", "\ud800")
@example("//", "a/b")
def test_no_text_raises(one, other):
    assert isinstance(resemblance.find_differences(one, other), tuple)
    assert isinstance(resemblance.fold(one), str)


@given(st.sampled_from(["https://x.example/a", "http://www.X.example:81/A/", "orders", "urn:a:B"]))
def test_an_identifier_folds_to_what_its_twins_fold_to(identifier):
    twin = identifier.upper().rstrip("/") + "/"

    assert resemblance.fold(identifier) == resemblance.fold(twin)


def test_differences_are_joined_as_words():
    assert resemblance.join_words((SCHEME, SLASH)) == "the scheme and the trailing slash"


@pytest.mark.parametrize(
    ("wanted", "nearest"),
    [
        ("https://orders.example/", "https://orders.example"),
        ("https://ordrs.example", "https://orders.example"),
        ("http://orders.example", "https://orders.example"),
        ("orders.example", "https://orders.example"),
        ("shop", "Shop"),
        ("Oders API", "Orders API"),
        ("Shop", "Shop"),
    ],
)
def test_the_nearest_name_is_suggested(wanted, nearest):
    names = ["https://billing.example", "https://orders.example", "Orders API", "Shop"]

    assert resemblance.find_nearest(wanted, names) == nearest
    assert resemblance.suggest(wanted, names) == f"; did you mean {nearest}?"


@pytest.mark.parametrize(
    "wanted", ["", "https://stock.example", "https://orders.example/v2", "https://orders.example:8443", "api"]
)
def test_what_may_well_be_another_thing_is_not_suggested(wanted):
    names = ["https://billing.example", "https://orders.example", "Orders API", "Shop"]

    assert resemblance.find_nearest(wanted, names) is None
    assert resemblance.suggest(wanted, names) == ""


def test_of_several_near_names_the_nearest_is_suggested():
    assert resemblance.find_nearest("orderbooks", ["oderbook", "orderbook"]) == "orderbook"
    assert resemblance.find_nearest("orderbooks", ["orderbookz", "orderbook"]) == "orderbook"


@given(st.text(max_size=300), st.text(max_size=300))
@example("https://[", "x")
@example("", "")
def test_a_sieve_takes_any_text_and_lets_through_what_differs_in_little(one, other):
    may_resemble = resemblance.make_sieve(one)(other)

    assert may_resemble or Difference.SLIP not in resemblance.find_differences(one, other)


@pytest.mark.parametrize("other", ["https://api18.example/thing-18", "https://x.example/thing-1", "thing"])
def test_a_sieve_leaves_out_what_has_little_in_common(other):
    assert not resemblance.make_sieve("https://api17.example/things/17")(other)
