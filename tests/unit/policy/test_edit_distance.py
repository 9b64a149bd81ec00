"""How many slips of the pen lie between two words."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from issuer.policy import edit_distance

WORDS = st.text(alphabet="abcd", max_size=8)


@pytest.mark.parametrize(
    ("one", "other", "slips"),
    [
        ("orders", "orders", 0),
        ("orders", "order", 1),
        ("orders", "ordrs", 1),
        ("orders", "orderz", 1),
        ("orders", "odrers", 1),
        ("orders", "0rder", 2),
        ("orders", "billing", 3),
        ("a", "abcdef", 3),
        ("", "ab", 2),
    ],
)
def test_slips_are_counted_and_swapped_neighbours_are_one(one, other, slips):
    assert edit_distance.count_slips(one, other) == slips
    assert edit_distance.count_slips(other, one) == slips


@given(st.lists(WORDS, max_size=12))
def test_near_pairs_are_all_pairs_that_are_near(words):
    """The way that takes time in proportion to the words finds what the way over all pairs finds."""
    different = sorted(set(words))

    found = {frozenset(pair[:2]): pair[2] for pair in edit_distance.list_near_pairs(words)}

    assert found == {
        frozenset({one, other}): slips
        for one in different
        for other in different
        if one < other and (slips := edit_distance.count_slips(one, other)) <= edit_distance.FARTHEST
    }


def test_each_near_pair_is_given_once():
    words = [f"order{letter}" for letter in string.ascii_lowercase]

    pairs = [frozenset(pair[:2]) for pair in edit_distance.list_near_pairs(words)]

    assert len(pairs) == len(set(pairs)) == 26 * 25 // 2
