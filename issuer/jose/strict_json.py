"""JSON read strictly: one meaning per text, whoever reads it (RFC 8725 §2.4, RFC 8259 §4).

Two parsers that disagree about a duplicate member would disagree about who a token is for.
"""

import json
import re
from typing import Any, NoReturn

from issuer.errors import TokenRejected

_DEPTH = 16
_STRUCTURE = re.compile(r'\\.|["\[\]{}]', re.DOTALL)


def parse_object(text: bytes) -> dict[str, Any]:
    """Return the JSON object that the bytes hold, as UTF-8 without a byte order mark.

    Raises TokenRejected for anything else: another value, bad UTF-8, a member named twice at any level,
    NaN or Infinity, nesting over 16 levels. Values are of any JSON type; their meaning is not checked.
    """
    try:
        decoded = text.decode("utf-8")
        _check_depth(decoded)
        value = _DECODER.decode(decoded)
    except ValueError as error:
        raise TokenRejected("not strict JSON") from error
    if not isinstance(value, dict):
        raise TokenRejected("not a JSON object")
    return value


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser recurses into it."""
    # So few brackets cannot nest deeper, wherever they stand: this is every token of ours.
    if text.count("[") + text.count("{") <= _DEPTH:
        return
    depth, is_in_string = 0, False
    for mark in _STRUCTURE.findall(text):
        if mark == '"':
            is_in_string = not is_in_string
        elif not is_in_string and mark in "[{":
            depth += 1
        elif not is_in_string and mark in "]}":
            depth -= 1
        if depth > _DEPTH:
            raise TokenRejected("JSON nested too deep")


def _unite(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    united = dict(pairs)
    if len(united) != len(pairs):
        raise TokenRejected("a JSON member stands twice")
    return united


def _refuse_constant(_name: str) -> NoReturn:
    raise TokenRejected("not a JSON number")


# Made once: json.loads would make one at each call.
_DECODER = json.JSONDecoder(object_pairs_hook=_unite, parse_constant=_refuse_constant)
