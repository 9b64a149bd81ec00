"""The table in README.md is true: each test it names exists, and no row is left without an answer."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

_TABLE = Path(__file__).with_name("README.md").read_text(encoding="utf-8")
_TESTS = Path(__file__).parents[1]
_ROW = re.compile(
    r"^\| (?P<row>A?[0-9]+) \| (?P<attack>[^|]+) \| (?P<tests>[^|]*)\|(?P<waits>[^|]*)\|$", re.MULTILINE
)
_NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
_SURFACES = {"people", "later"}

ROWS = [match.groupdict() for match in _ROW.finditer(_TABLE)]
EVERY_ROW = pytest.mark.parametrize("row", ROWS, ids=lambda row: row["row"])


def test_no_row_is_missing_and_none_comes_twice():
    expected = [str(number) for number in range(1, 64)] + [f"A{number}" for number in range(1, 28)]

    assert [row["row"] for row in ROWS] == expected


@EVERY_ROW
def test_a_row_has_tests_or_waits_for_a_surface(row: dict[str, str]):
    named = _NAMED.findall(row["tests"])
    waits = {surface.strip() for surface in row["waits"].split(",")} - {""}

    assert named or waits
    assert waits <= _SURFACES


@EVERY_ROW
def test_every_test_that_a_row_names_exists(row: dict[str, str]):
    named = _NAMED.findall(row["tests"])

    missing = [f"{path}::{name}" for path, name in named if name not in _tests_in(path)]

    assert missing == []
    assert row["tests"].count("`") == 2 * len(named), "a name that is no path::test"


@cache
def _tests_in(path: str) -> frozenset[str]:
    tree = ast.parse((_TESTS / path).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
