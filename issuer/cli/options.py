"""What options hold: one of a few words, a date, a claim."""

import json
from enum import StrEnum
from typing import NoReturn, TypeVar

import click

from issuer.errors import InvalidValue
from issuer.model.audience import JsonValue
from issuer.policy import dates
from issuer.registry.unchanged import UNCHANGED, Unchanged

Word = TypeVar("Word", bound=StrEnum)
Value = TypeVar("Value")


class OneOf(click.Choice[Word]):
    """One of the words of an enumeration, given as they stand in tokens and documents."""

    def normalize_choice(self, choice: object, ctx: click.Context | None) -> str:
        """Return the word itself: click would take the member's Python name."""
        del ctx
        return str(choice)


class Date(click.ParamType[int]):
    """A date or a date with time, UTC unless it says otherwise; as epoch seconds."""

    name = "date"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the epoch seconds of `2027-01-31` (when that day begins) or `2027-01-31T12:00:00Z`."""
        try:
            return dates.read_date(str(value))
        except InvalidValue:
            self.fail(f"{value!r} is no date such as 2027-01-31 or 2027-01-31T12:00:00Z.", param, ctx)


class Claim(click.ParamType[tuple[str, JsonValue]]):
    """A claim and its value: NAME=JSON."""

    name = "claim"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, JsonValue]:
        """Return name and value."""
        name, equals, text = str(value).partition("=")
        if not name or not equals:
            self.fail(f"{value!r} is not NAME=JSON, such as 'tier=\"gold\"' or 'level=3'.", param, ctx)
        try:
            return name, json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            self.fail(f"the value of {name} is not JSON; a text needs quotes: '{name}=\"gold\"'.", param, ctx)


def unless_none(value: Value | None) -> Value | Unchanged:
    """Return what an option says becomes of a field: it stays where the option was not given."""
    return UNCHANGED if value is None else value


def or_nothing(value: Value | None, *, is_nothing: bool, name: str) -> Value | Unchanged | None:
    """Return what --NAME and --no-NAME say becomes of a field; raises UsageError for both at once."""
    if is_nothing and value is not None:
        raise click.UsageError(f"--{name} and --no-{name} contradict each other.")
    return None if is_nothing else unless_none(value)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


DATE = Date()
CLAIM = Claim()
SECONDS = click.IntRange(min=1)
