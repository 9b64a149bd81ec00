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
        # Where one slip was made, no other is: two swapped and one put between them are three.
        ("ca", "abc", 3),
    ],
)
def test_slips_are_counted_and_swapped_neighbours_are_one(one, other, slips):
    assert edit_distance.count_slips(one, other) == slips
    assert edit_distance.count_slips(other, one) == slips


def count_by_table(one, other):
    """The distance as the textbook counts it (optimal string alignment), cell by cell."""
    cells = {(row, 0): row for row in range(len(one) + 1)}
    cells |= {(0, column): column for column in range(len(other) + 1)}
    for row, mine in enumerate(one, start=1):
        for column, yours in enumerate(other, start=1):
            ways = [cells[row - 1, column] + 1, cells[row, column - 1] + 1]
            ways.append(cells[row - 1, column - 1] + (mine != yours))
            if row > 1 and column > 1 and one[row - 2 : row] == other[column - 2 : column][::-1]:
                ways.append(cells[row - 2, column - 2] + 1)
            cells[row, column] = min(ways)
    return cells[len(one), len(other)]


@given(WORDS, WORDS)
def test_slips_are_as_many_as_the_textbook_counts(one, other):
    assert edit_distance.count_slips(one, other) == min(
        count_by_table(one, other), edit_distance.FARTHEST + 1
    )


@given(
    WORDS,
    st.lists(st.tuples(st.sampled_from("ridt"), st.integers(0, 8), st.sampled_from("abcd")), max_size=3),
)
def test_slips_of_near_words_are_as_many_as_the_textbook_counts(word, made):
    other = word
    for kind, place, letter in made:
        taken = {"r": (letter, 1), "i": (letter, 0), "d": ("", 1), "t": (other[place : place + 2][::-1], 2)}
        text, length = taken[kind]
        other = other[:place] + text + other[place + length :]

    assert edit_distance.count_slips(word, other) == min(
        count_by_table(word, other), edit_distance.FARTHEST + 1
    )


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
