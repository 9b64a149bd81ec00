"""The fields of one mapping in a document, read strictly; what is wrong is told with its path.

A path is that of the document's reader: `clients[3].grant_types`.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import NoReturn, TypeVar

from issuer.errors import InvalidValue, RegistryRefusal
from issuer.model.audience import JsonValue
from issuer.policy import dates, free_text

Word = TypeVar("Word", bound=StrEnum)
Read = TypeVar("Read")

# What a database keeps in a column of numbers.
_LARGEST = 2**63 - 1


class Fields:
    """A mapping whose keys are all known, at its path."""

    def __init__(self, value: JsonValue, path: str, known: Iterable[str]) -> None:
        """Take a mapping; raises InvalidValue for anything else, or for a key that is not known."""
        self.path = path
        if not isinstance(value, dict):
            refuse(path, f"here stand {', '.join(known)}, not {_kind(value)}")
        self._values: Mapping[str, JsonValue] = value
        for name in value:
            _check_known(path, name, known)

    def at(self, name: str) -> str:
        """Return the path of a field."""
        return f"{self.path}.{name}" if self.path else name

    def has(self, name: str) -> bool:
        """Return whether a field stands there."""
        return name in self._values

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; one that is left out is the default or, without one, refused."""
        found = self.optional_text(name)
        if found is not None:
            return found
        if default is None:
            refuse(self.at(name), "this is needed")
        return default

    def optional_text(self, name: str) -> str | None:
        """Return a text, or None where there is none."""
        value = self._values.get(name)
        return None if value is None else _text(value, self.at(name))

    def texts(self, name: str) -> frozenset[str]:
        """Return a list of texts, each there once; empty where there is none."""
        found = self.entries(name, _text)
        check_once(self.at(name), found)
        return frozenset(found)

    def word(self, name: str, words: type[Word], default: Word | None = None) -> Word:
        """Return one of some words; one that is left out is the default or, without one, refused."""
        value = self._values.get(name)
        if value is None and default is not None:
            return default
        return _word(self.text(name), self.at(name), words)

    def words(self, name: str, words: type[Word]) -> frozenset[Word]:
        """Return a list of some words, each there once; refused where it is left out."""
        if self._values.get(name) is None:
            refuse(self.at(name), "this is needed")
        return frozenset(_word(text, self.at(name), words) for text in self.texts(name))

    def flag(self, name: str) -> bool:
        """Return true or false; false where it is left out."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            refuse(self.at(name), f"here stands true or false, not {_kind(value)}")
        return bool(value)

    def number(self, name: str) -> int | None:
        """Return a whole number, or None where there is none."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) > _LARGEST:
            refuse(self.at(name), f"here stands a whole number, not {_kind(value)}")
        return value

    def time(self, name: str) -> int | None:
        """Return the epoch seconds of a date, UTC unless it says otherwise, or None where there is none."""
        text = self.optional_text(name)
        if text is None:
            return None
        with refusals_at(self.at(name)):
            return dates.read_date(text)

    def mapping(self, name: str) -> Mapping[str, JsonValue]:
        """Return a mapping of any keys; empty where there is none."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, dict):
            refuse(self.at(name), f"here stands a mapping of names to values, not {_kind(value)}")
        return value or {}

    def entries(self, name: str, read: Callable[[JsonValue, str], Read]) -> tuple[Read, ...]:
        """Return what `read` makes of each value in a list and its path; empty where there is none."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, list):
            refuse(self.at(name), f"here stands a list, not {_kind(value)}")
        return tuple(read(one, f"{self.at(name)}[{place}]") for place, one in enumerate(value or []))


def refuse(path: str, reason: str) -> NoReturn:
    """Raise InvalidValue for what stands at a path; empty: the whole document."""
    raise InvalidValue(f"{path or 'the document'}: {reason}")


@contextmanager
def refusals_at(path: str) -> Iterator[None]:
    """Let whatever is refused inside name the path, too."""
    try:
        yield
    except RegistryRefusal as refusal:
        raise type(refusal)(f"{path}: {refusal.detail or refusal.sentence}") from refusal


def check_once(path: str, names: Iterable[str], at: str = "") -> None:
    """Refuse a list in which a name stands twice. at: the field of an entry that the names are in."""
    first: dict[str, int] = {}
    for place, name in enumerate(names):
        if name in first:
            refuse(f"{path}[{place}]{at}", f"{name} stands at {path}[{first[name]}] already")
        first[name] = place


def _check_known(path: str, name: str, known: Iterable[str]) -> None:
    if name in known:
        return
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    refuse(path, f"there is no key {name!r}; {hint}")


def _text(value: JsonValue, path: str) -> str:
    if not isinstance(value, str):
        refuse(path, f"here stands a text, not {_kind(value)}; put it into quotes")
    return free_text.check_text(value, path)


def _word(text: str, path: str, words: type[Word]) -> Word:
    known = [word.value for word in words]
    if text not in known:
        refuse(path, f"here stands one of {', '.join(known)}, not {text}")
    return words(text)


def _kind(value: JsonValue) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"the text {value!r}" if isinstance(value, str) else "such a number"
