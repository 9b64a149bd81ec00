"""The text of a document: YAML, of which JSON is a part, read strictly.

Only what JSON can say is understood (YAML 1.2 §10.2): mappings with texts as keys, lists, texts,
JSON's numbers, true, false, null. So `no`, `010`, `0x1F`, `2027-01-31` and `12:30` are the texts that
they look like. Anchors, aliases, tags, repeated keys and further documents are refused.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final, NoReturn

import yaml

from issuer.errors import InvalidValue
from issuer.model.audience import JsonValue

LARGEST_BYTES: Final = 5 * 1024 * 1024

_DEEPEST = 12
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_MOST_DIGITS = 400
_WORDS: dict[str, JsonValue] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# libyaml's are ten times as fast; not every platform has them.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


def read(raw: bytes) -> JsonValue:
    """Return what a text of at most 5 MB in UTF-8 says; raises InvalidValue with the place otherwise."""
    if len(raw) > LARGEST_BYTES:
        raise InvalidValue(f"the document has more than {LARGEST_BYTES} bytes")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidValue(f"the document is no text in UTF-8: byte {error.start} is wrong") from error
    if text.lstrip()[:1] == "{":
        # YAML's readers take most JSON, but no tabs and no characters written as two escapes.
        try:
            return _read_json(text)
        except json.JSONDecodeError:
            pass
    return _read_yaml(text)


def write(document: JsonValue) -> str:
    """Return a document as YAML, keys in their order; what reads `no` as false finds it in quotes."""
    text: str = yaml.dump(
        document,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=False,
        sort_keys=False,
        width=LARGEST_BYTES,
    )
    return text


def _read_json(text: str) -> JsonValue:
    try:
        # Any: what json.loads gives.
        value: Any = json.loads(text, object_pairs_hook=_make_mapping, parse_constant=_refuse_constant)
    except RecursionError as error:
        raise InvalidValue("the document is nested too deep") from error
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise InvalidValue("the document holds a number that is too long") from error
    parsed: JsonValue = value
    return parsed


def _make_mapping(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in made:
            raise InvalidValue(f"the key {name!r} stands twice in one mapping")
        made[name] = value
    return made


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidValue(f"{name} is no number")


def _read_yaml(text: str) -> JsonValue:
    try:
        events = yaml.parse(text, Loader=_LOADER)
        next(events)
        if isinstance(next(events), yaml.StreamEndEvent):
            raise InvalidValue("the document is empty")
        value = _build(next(events), events, 0)
        next(events)
        after = next(events)
    except yaml.MarkedYAMLError as error:
        raise InvalidValue(f"{_place(error.problem_mark)}: this is no YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise InvalidValue("this is no YAML: it holds a character that may not stand there") from error
    if not isinstance(after, yaml.StreamEndEvent):
        raise InvalidValue(f"{_place(after.start_mark)}: one document and no more stands in a file")
    return value


def _build(event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> JsonValue:
    _check(event, depth)
    if isinstance(event, yaml.ScalarEvent):
        return _resolve(event)
    if isinstance(event, yaml.SequenceStartEvent):
        return _build_list(events, depth)
    return _build_mapping(events, depth)


def _build_list(events: Iterator[yaml.Event], depth: int) -> list[JsonValue]:
    made: list[JsonValue] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        made.append(_build(event, events, depth + 1))
    return made


def _build_mapping(events: Iterator[yaml.Event], depth: int) -> dict[str, JsonValue]:
    made: dict[str, JsonValue] = {}
    while not isinstance(event := next(events), yaml.MappingEndEvent):
        name = _build(event, events, depth + 1)
        if not isinstance(name, str):
            raise InvalidValue(f"{_place(event.start_mark)}: a key is a text; put it into quotes")
        if name in made:
            raise InvalidValue(f"{_place(event.start_mark)}: the key {name!r} stands twice in one mapping")
        made[name] = _build(next(events), events, depth + 1)
    return made


def _check(event: yaml.Event, depth: int) -> None:
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise InvalidValue(f"{_place(event.start_mark)}: anchors and aliases (& and *) may not be used")
    if getattr(event, "tag", None) is not None:
        raise InvalidValue(f"{_place(event.start_mark)}: tags (!) may not be used")
    if depth > _DEEPEST:
        raise InvalidValue(f"{_place(event.start_mark)}: the document is nested too deep")


def _resolve(event: yaml.ScalarEvent) -> JsonValue:
    # Any: the stubs say nothing of a scalar's fields.
    scalar: Any = event
    text: str = scalar.value
    if scalar.style is not None and scalar.style != "":
        return text
    if text in _WORDS:
        return _WORDS[text]
    number = _NUMBER.fullmatch(text) if len(text) <= _MOST_DIGITS else None
    if number is None:
        return text
    return float(text) if number[1] or number[2] else int(text)


def _place(mark: Any) -> str:  # Any: a mark of YAML's reader, which has no type of its own
    return "the document" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}"


class _Dumper(_DUMPER):  # type: ignore[misc]  # one of two classes, by platform
    """Quotes every text that readers of YAML 1.1 or 1.2 would take for something else."""

    def ignore_aliases(self, data: object) -> bool:
        """Say that nothing is written as an anchor and aliases."""
        del data
        return True


_Dumper.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-0123456789"))
