"""Printing: what a command answers, as one JSON document or as calm text for people.

The answer goes to standard output; everything else that is said goes to standard error.
"""

import json
import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeGuard

import click

from issuer.errors import Refusal

# Whatever json.dumps takes.
Document = Mapping[str, object]

NOTHING = "-"
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers.

    document: for --json. text: the same for people, possibly empty. notes: remarks on standard error.
    is_good: False makes the exit status 1. go_on: for a command that goes on; is handed what prints this.
    """

    document: Document
    text: str
    notes: tuple[str, ...] = ()
    is_good: bool = True
    go_on: Callable[[Callable[[], None]], None] | None = None


def fields_answer(document: Document, *notes: str) -> Answer:
    """Return the answer that shows one registered value."""
    return Answer(document, as_fields(document), notes)


def list_answer(items: Sequence[Document], headers: Sequence[str], notes: tuple[str, ...] = ()) -> Answer:
    """Return the answer that lists values, for people under the fields that `headers` names.

    An empty list has no text: a note says what to do next.
    """
    rows = [[item[name] for name in headers] for item in items]
    document: Document = {"items": [dict(item) for item in items]}
    return Answer(document, as_table(headers, rows) if rows else "", notes)


def say(answer: Answer, *, as_json: bool) -> None:
    """Print an answer."""
    if as_json:
        click.echo(as_document(answer.document))
    elif answer.text:
        click.echo(answer.text)
    for note in answer.notes:
        tell(note)


def tell(note: str) -> None:
    """Print a remark, on standard error."""
    click.echo(note, err=True)


def refuse(refusal: Refusal, *, as_json: bool) -> None:
    """Print a refusal: `error` and `reason` on standard output for --json, else a sentence."""
    reason = refusal.detail or refusal.sentence
    if as_json:
        click.echo(as_document({"error": refusal.code, "reason": reason}))
    else:
        click.echo(f"refused: {reason}", err=True)


def as_document(document: Document) -> str:
    """Return the JSON text of a document, in two-space indentation."""
    return json.dumps(document, indent=2, ensure_ascii=False)


def as_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return aligned columns without borders."""
    cells = [tuple(headers), *(tuple(map(show, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        _GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def as_fields(document: Document) -> str:
    """Return one aligned line for each field of a document, one for each value within values."""
    width = max(map(len, document))
    lines = []
    for name, value in document.items():
        shown = [_show_within(each) for each in value] if _is_list_of_values(value) else [show(value)]
        lines += [
            f"{label.ljust(width)}{_GAP}{text}" for label, text in zip_longest([name], shown, fillvalue="")
        ]
    return "\n".join(lines)


def show(value: object) -> str:
    """Return a value as people read it: lists with commas, nothing as a dash."""
    if value is None or value in ("", [], {}):
        return NOTHING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(show, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def quote(text: str) -> str:
    """Return a word as a shell takes it."""
    return shlex.quote(text)


def utc(at: int | None) -> str | None:
    """Return epoch seconds as ISO 8601 in UTC; None stays None."""
    return None if at is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _is_list_of_values(value: object) -> TypeGuard[list[dict[str, object]]]:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _show_within(value: dict[str, object]) -> str:
    return _GAP.join(f"{name}={show(each)}" for name, each in value.items() if show(each) != NOTHING)
