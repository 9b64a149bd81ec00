"""Differences between a document and the registry, as people and as programs read them."""

import json
from collections.abc import Iterator, Mapping, Sequence

from issuer.cli import output
from issuer.model.audience import JsonValue
from issuer.registry.document.diff import Action, Difference, Kind

_SIGNS = {Action.ADD: "+", Action.CHANGE: "~", Action.REMOVE: "-"}
_NAMES = {
    Kind.TRUST_GROUP: ("name",),
    Kind.SERVICE: ("name",),
    Kind.AUDIENCE: ("identifier",),
    Kind.CLIENT: ("client_id",),
    Kind.PERMISSION: ("client_id", "audience"),
}
# In quotes: of a scope, the description may be empty.
_FREE_TEXTS = frozenset({"scopes", "description"})


def of_difference(difference: Difference) -> dict[str, object]:
    """Return the fields of a difference; of a change, before and after hold those that differ."""
    return {
        "action": difference.action.value,
        "kind": difference.kind.value,
        **dict(zip(_NAMES[difference.kind], difference.name, strict=True)),
        "path": difference.path,
        "before": difference.before,
        "after": difference.after,
    }


def as_text(differences: Sequence[Difference]) -> str:
    """Return one line for each entry, and under it one for each field that differs."""
    return "\n".join(line for one in differences for line in _lines(one))


def call(kind: Kind) -> str:
    """Return the word for one entry of a kind."""
    return kind.value.replace("_", " ")


def _lines(difference: Difference) -> Iterator[str]:
    yield f"{_SIGNS[difference.action]} {call(difference.kind)} {difference.title}"
    named = _NAMES[difference.kind]
    if difference.action is Action.ADD:
        for field, value in (difference.after or {}).items():
            if field not in named:
                yield from (f"    {name}: {shown}" for name, shown in _flat(field, value).items())
    if difference.action is Action.CHANGE:
        yield from _changed_lines(difference.before or {}, difference.after or {})


def _changed_lines(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> Iterator[str]:
    for field, value in after.items():
        old, new = _flat(field, before[field]), _flat(field, value)
        for name in dict.fromkeys((*old, *new)):
            was, is_now = old.get(name, output.NOTHING), new.get(name, output.NOTHING)
            if was != is_now:
                yield f"    {name}: {was} -> {is_now}"


def _flat(field: str, value: JsonValue) -> dict[str, str]:
    """Return what is shown of a field: nothing if it is empty, each by its name if it holds several."""
    if isinstance(value, dict):
        return {f"{field}[{name}]": _show(field, part) for name, part in value.items()}
    return {} if value is None or value in ("", []) else {field: _show(field, value)}


def _show(name: str, value: JsonValue) -> str:
    if name == "aliases" and isinstance(value, dict):
        until = value["until"]
        return f"{value['mode']}" if until is None else f"{value['mode']} until {until}"
    if name == "extra_claims" or (name in _FREE_TEXTS and isinstance(value, str)):
        return json.dumps(value, ensure_ascii=name == "extra_claims")
    return output.show(value)
