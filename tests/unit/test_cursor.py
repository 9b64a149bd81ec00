"""Cursors: only what was made for this list, order and search is taken."""

import base64
import json
from dataclasses import replace

import pytest

from issuer.errors import InvalidValue
from issuer.model import cursor
from issuer.model.cursor import Kinds, Position
from issuer.model.listing import ListQuery

QUERY = ListQuery("shop", {"state": "active", "owner": ""}, "name", is_descending=True)
POSITION = Position("Ärger & Söhne", 7)
KINDS = Kinds(str, int)


def test_a_cursor_comes_back_as_the_position_it_was_made_of():
    text = cursor.encode(POSITION, "services", QUERY)

    assert cursor.decode(text, "services", replace(QUERY, cursor=text, size=7), KINDS) == POSITION
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@pytest.mark.parametrize(
    ("listing", "query"),
    [
        ("clients", QUERY),
        ("services", replace(QUERY, search="shops")),
        ("services", replace(QUERY, filters={"state": "disabled"})),
        ("services", replace(QUERY, filters={})),
        ("services", replace(QUERY, sort="owner")),
        ("services", replace(QUERY, is_descending=False)),
    ],
)
def test_a_cursor_of_another_list_order_or_search_is_refused(listing, query):
    text = cursor.encode(POSITION, "services", QUERY)

    with pytest.raises(InvalidValue):
        cursor.decode(text, listing, query, KINDS)


def _packed(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "ä",
        "....",
        "A" * 5000,
        _packed([]),
        _packed({}),
        _packed(["0" * 32, "a", 7]),
        _packed(["0" * 32, "a"]),
        _packed([1, "Ärger & Söhne", 7]),
        _packed(7),
        "W1tbW1tb" * 400,
    ],
)
def test_what_is_no_cursor_is_refused(text):
    with pytest.raises(InvalidValue):
        cursor.decode(text, "services", QUERY, KINDS)


@pytest.mark.parametrize("value", [7, True, None, ["x"], "a\0", "\ud800", "x" * 1001])
def test_a_value_that_the_column_cannot_hold_is_refused_even_with_a_good_check(value):
    text = cursor.encode(Position(value, 7), "services", QUERY)

    with pytest.raises(InvalidValue):
        cursor.decode(text, "services", QUERY, KINDS)


@pytest.mark.parametrize("tie", [2**63, -(2**63), True, "7", 7.0])
def test_a_tie_that_is_no_number_of_a_row_is_refused_even_with_a_good_check(tie):
    text = cursor.encode(Position("x", tie), "services", QUERY)

    with pytest.raises(InvalidValue):
        cursor.decode(text, "services", QUERY, KINDS)
