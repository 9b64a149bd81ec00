"""The README says what is so: its commands, settings, errors and promises are compared with the code."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from issuer import errors, terminal
from issuer.config import Settings
from issuer.environment import variable_of
from tests.architecture.sources import ROOT

README = (ROOT / "README.md").read_text()
LINES = README.splitlines()
DEFAULTS = {
    variable_of(name): field.get_default(call_default_factory=False)
    for name, field in Settings.model_fields.items()
    if name != "origins"
}
GLOSSARY = [
    "service",
    "audience",
    "alias",
    "trust group",
    "scope",
    "client",
    "permission",
    "resource",
    "token plan",
    "mint",
    "family",
    "user",
]


def test_trying_it_is_one_line_that_ends_in_the_demo() -> None:
    found = [line for line in LINES if line.startswith("python3 -m venv") and line.endswith("serve --demo")]

    assert len(found) == 1
    assert " pip" not in found[0].replace("/pip", ""), "it works without activating"


def test_testing_it_is_one_line_with_install_and_pytest() -> None:
    found = [line for line in LINES if line.startswith("python3 -m venv") and "pytest" in line]

    assert len(found) == 1
    assert "pip install -e '.[test]'" in found[0], "the tests test the checkout"


def test_the_settings_table_lists_exactly_the_settings_with_their_defaults() -> None:
    rows = {cells[0]: cells[1] for cells in _rows("## Settings")}

    assert set(rows) == {f"`{name}`" for name in DEFAULTS}
    assert {name: rows[f"`{name}`"] for name in DEFAULTS} == {
        name: _shown(default) if default not in ("", ()) else rows[f"`{name}`"]
        for name, default in DEFAULTS.items()
    }


def test_the_table_of_refusals_lists_what_the_token_endpoint_answers() -> None:
    rows = [cells[0] for cells in _rows("## When a request is refused")]

    codes = {refusal.code for refusal in _subclasses(errors.TokenRefusal)}

    assert set(rows) == {f"`{code}`" for code in codes}


def test_the_glossary_has_every_word() -> None:
    rows = [cells[0] for cells in _rows("## Words")]

    assert rows == GLOSSARY


def test_every_promise_names_a_test_that_is_there() -> None:
    named = [re.findall(r"`(tests/[^`]+)`", cells[1]) for cells in _rows("## Promises, and the test")]

    missing = [name for names in named for name in names if not _is_test(name)]

    assert all(named)
    assert missing == []


def test_every_file_that_is_named_is_there() -> None:
    named = re.findall(r"`((?:issuer|tests|templates|migrations|\.ci)/[\w./-]*)`", README)

    missing = [name for name in named if not (ROOT / name).exists()]

    assert missing == []


@pytest.mark.parametrize(
    "line", [line for line in dict.fromkeys(LINES) if re.match(r"(\.venv/bin/)?issuer \w", line)]
)
def test_every_command_and_option_is_there(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]

    command, rest = _find_command(words)
    options = {option for parameter in command.params for option in parameter.opts}

    assert not isinstance(command, click.Group), f"{line} names no command"
    assert {word for word in rest if word.startswith("--")} <= options


def test_the_readme_stays_short_enough_to_be_read() -> None:
    assert len(LINES) <= 800


def _rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its head."""
    start = next(number for number, line in enumerate(LINES) if line.startswith(heading))
    begin = next(number for number in range(start, len(LINES)) if LINES[number].startswith("|"))
    rows = []
    for line in LINES[begin + 2 :]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


def _shown(default: object) -> str:
    if isinstance(default, Path):
        return f"`./{default}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _subclasses(kind: type) -> Iterator[type]:
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def _is_test(name: str) -> bool:
    path, _, function = name.partition("::")
    if not (ROOT / path).is_file():
        return False
    tree = ast.parse((ROOT / path).read_text())
    return any(isinstance(node, ast.FunctionDef) and node.name == function for node in ast.walk(tree))


def _find_command(words: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = terminal.main
    while isinstance(command, click.Group) and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words
