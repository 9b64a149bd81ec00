import pytest

from issuer.errors import InvalidValue
from issuer.policy import free_text


@pytest.mark.parametrize(
    "text", ["", "a", "Zoë & <b>co</b>", "店", "👩‍🚀", "d" * 1000, "a'; DROP TABLE x;--"]
)
def test_text_is_kept_as_typed(text):
    assert free_text.check_text(text, "the description") == text


@pytest.mark.parametrize(
    "character",
    [
        *map(chr, range(0x20)),
        "\x7f",
        "\x85",
        "\x9b",
        "\u2028",
        "\u2029",
        "\ud800",
        "\u202e",
        "\u2066",
        "\u200f",
    ],
    ids=lambda character: f"U+{ord(character):04X}",
)
def test_what_breaks_a_log_or_a_page_is_refused(character):
    with pytest.raises(InvalidValue) as refused:
        free_text.check_text(f"a{character}b", "the description")

    assert refused.value.detail == f"the description holds the control character U+{ord(character):04X}"


@pytest.mark.parametrize("text", ["", " a", "a ", "\u00a0a", "a" * 101])
def test_a_name_is_not_empty_nor_ragged_nor_long(text):
    with pytest.raises(InvalidValue):
        free_text.check_name(text, "the name")


def test_a_text_over_its_length_is_refused():
    with pytest.raises(InvalidValue):
        free_text.check_text("aaa", "the label", 2)
