"""Names of users: which there may be, and which spellings are one."""

import pytest

from issuer.errors import InvalidValue
from issuer.policy import user_names


@pytest.mark.parametrize("name", ["a", "Alice", "alice@shop.example", "a+b@x", "7of9", "x" * 100, "a.b_c-d"])
def test_a_name_is_taken_as_typed(name):
    user_names.check_user_name(name)

    assert user_names.canonical_form(name) == name.lower()


WIDE = "\uff21\uff2c\uff29\uff23\uff25"
CYRILLIC = "\u0430lice"
DOTLESS = "al\u0131ce"


@pytest.mark.parametrize(
    "name",
    [
        *("", " alice", "alice ", "al ice", "alice\x00", "alice\n", "\u202eecila", "@a", "x" * 101, "a/b"),
        *("<script>", "\u017fteve", "\xe4lice", WIDE, CYRILLIC, DOTLESS),
    ],
    ids=ascii,
)
def test_what_could_be_read_as_another_name_is_refused(name):
    with pytest.raises(InvalidValue):
        user_names.check_user_name(name)


@pytest.mark.parametrize("typed", ["alice", "ALICE", " Alice", "alice\t", "  aLiCe  "])
def test_spellings_of_one_name_are_one(typed):
    assert user_names.canonical_form(typed) == "alice"


@pytest.mark.parametrize("typed", ["", "al ice", "alice\x00", WIDE, DOTLESS, "x" * 101, "\ud800"], ids=ascii)
def test_what_no_user_has_has_no_canonical_form(typed):
    assert user_names.canonical_form(typed) == ""
