"""The text of a document: what YAML may say in it, and that what is written is read the same everywhere."""

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from issuer.errors import InvalidValue
from issuer.registry.document import text

# What YAML can hold at all (YAML 1.2 §5.1), with much that readers take for something else.
TEXTS = st.one_of(
    st.text(
        st.characters(exclude_categories=["Cs", "Cc", "Cn", "Co"], exclude_characters="\ufeff"), max_size=20
    ),
    st.sampled_from(
        ["no", "NULL", "~", "", "1e3", "0o14", "012", "1_0", "1:20", "2027-01-31", "<<", "=", ".inf"]
    ),
    st.from_regex(r"[-+.0-9eE_:xo]{1,6}", fullmatch=True),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: -1.5e3", {"a": -1500.0}),
        ("a: true", {"a": True}),
        ("a: null", {"a": None}),
        ("a:", {"a": None}),
        ("a: ~", {"a": None}),
        ("a: 'true'", {"a": "true"}),
        ('a: "1"', {"a": "1"}),
        ("a: |\n  1\n", {"a": "1\n"}),
        ("[a, {b: c}]", ["a", {"b": "c"}]),
        ("\ufeffa: b", {"a": "b"}),
        ("# a comment\n---\na: b\n...\n", {"a": "b"}),
        ('{"a": [1, "b"]}', {"a": [1, "b"]}),
        ('\n {\t"a":\t"\\ud83d\\ude00"}', {"a": "😀"}),
        ("{a: b}", {"a": "b"}),
        ("<<: {a: b}", {"<<": {"a": "b"}}),
    ],
)
def test_what_json_can_say_is_read(written, value):
    assert text.read(written.encode()) == value


@pytest.mark.parametrize(
    "word",
    ["no", "yes", "on", "OFF", "010", "0o10", "0x1F", "1_000", "2027-01-31", "12:30", ".inf", "+1", "1."],
)
def test_whatever_else_looks_like_something_is_the_text_that_it_looks_like(word):
    assert text.read(f"a: {word}".encode()) == {"a": word}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (b"", "empty"),
        (b"a: \xff", "UTF-8"),
        (b"a: \x07", "character that may not stand there"),
        (b"a: [", "line 2, column 1"),
        (b"a: b: c", "line 1, column 5"),
        (b"a: &anchor b", "anchors and aliases"),
        (b"a: *anchor", "anchors and aliases"),
        (b"&anchor a: b", "anchors and aliases"),
        (b"a: &anchor [b]", "anchors and aliases"),
        (b"a: !!str 1", "tags"),
        (b"a: !!python/object/apply:os.system [ls]", "tags"),
        (b"a: ! 1", "tags"),
        (b"a: b\nc: d\na: e", "line 3, column 1: the key 'a' stands twice"),
        (b'{"a": {"b": 1, "b": 1}}', "the key 'b' stands twice"),
        (b"a: b\n---\nc: d", "one document"),
        (b"1: a", "a key is a text"),
        (b"null: a", "a key is a text"),
        (b"? [a]\n: b", "a key is a text"),
        (b"[" * 1000, "nested too deep"),
        (b'{"a":' * 100_000, "nested too deep"),
        (b'{"a": NaN}', "no number"),
        (b'{"a": 1' + b"0" * 5000 + b"}", "a number that is too long"),
    ],
    ids=repr,
)
def test_what_is_ambiguous_or_hostile_is_refused(written, said):
    with pytest.raises(InvalidValue) as refused:
        text.read(written)

    assert said in refused.value.detail


def test_the_largest_document_is_5_mib():
    assert text.read(b"a: b #".ljust(5 * 1024 * 1024, b"x")) == {"a": "b"}
    with pytest.raises(InvalidValue):
        text.read(b"a: b #".ljust(5 * 1024 * 1024 + 1, b"x"))


@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(VALUES)
def test_what_is_written_is_read_again(value):
    written = text.write({"key": value})

    assert _as_json(text.read(written.encode())) == _as_json({"key": value})


@settings(derandomize=True, max_examples=200, deadline=None, database=None)
@given(TEXTS)
def test_readers_of_yaml_1_1_find_the_same_texts(value):
    """Others read these files, too: with PyYAML's own rules, `no` would be false."""
    written = text.write({"key": value, "list": [value]})

    assert yaml.safe_load(written) == {"key": value, "list": [value]}


def test_nothing_is_written_as_an_alias():
    same = {"a": "b"}

    assert text.write([same, same]) == "- a: b\n- a: b\n"


def test_keys_keep_their_order():
    assert text.write({"b": 1, "a": 2}) == "b: 1\na: 2\n"


def _as_json(value):
    # To Python, true equals 1.
    return json.dumps(value, sort_keys=True)
