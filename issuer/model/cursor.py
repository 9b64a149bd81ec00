"""A cursor: where the next page of a list begins, as text for a URL.

It holds no secret and opens nothing: whoever makes one up sees rows that the list shows anyway. The check
in it binds it to the list, order, search and filters it was made for, so that one of another list, or one
that was altered, is refused and does not show a page that nobody asked for.
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from issuer.errors import InvalidValue
from issuer.model.listing import ListQuery

PositionValue = int | str

_LONGEST: Final = 4000
_LONGEST_TEXT: Final = 1000
_LARGEST_NUMBER: Final = 2**63 - 1
_CHECK_CHARACTERS: Final = 32


@dataclass(frozen=True, slots=True)
class Position:
    """The last row of a page. value: of the column it is sorted by. tie: tells rows of one value apart."""

    value: PositionValue
    tie: PositionValue


@dataclass(frozen=True, slots=True)
class Kinds:
    """The types that value and tie of a list's positions have."""

    value: type[int] | type[str]
    tie: type[int] | type[str]


def encode(position: Position, listing: str, query: ListQuery) -> str:
    """Return the cursor of a position in a list: letters, digits, `-` and `_`.

    listing: the name of the list. query: as it was asked; its cursor and size do not matter.
    """
    parts = [_check(position, listing, query), position.value, position.tie]
    return base64.urlsafe_b64encode(_as_json(parts)).rstrip(b"=").decode("ascii")


def decode(text: str, listing: str, query: ListQuery, kinds: Kinds) -> Position:
    """Return the position in a cursor; raises InvalidValue for one that `encode` did not make for this query.

    listing, query: as in `encode`.
    """
    if len(text) > _LONGEST:
        raise InvalidValue("the cursor is too long to be one of this list")
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        check, value, tie = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise InvalidValue("the cursor is not one of this list") from error
    if not (_is_of(kinds.value, value) and _is_of(kinds.tie, tie)):
        raise InvalidValue("the cursor is not one of this list")
    position = Position(value, tie)
    if check != _check(position, listing, query):
        raise InvalidValue("the cursor was made for another list, order or search")
    return position


def _check(position: Position, listing: str, query: ListQuery) -> str:
    # An empty filter is none.
    filters = sorted((name, value) for name, value in query.filters.items() if value)
    bound = [listing, query.sort, query.is_descending, query.search, filters, position.value, position.tie]
    return hashlib.sha256(_as_json(bound)).hexdigest()[:_CHECK_CHARACTERS]


def _is_of(kind: type, value: object) -> bool:
    if type(value) is not kind:
        return False
    if isinstance(value, int):
        return -_LARGEST_NUMBER <= value <= _LARGEST_NUMBER
    # What no column of ours can hold, no database needs to be asked for.
    return isinstance(value, str) and len(value) <= _LONGEST_TEXT and _is_storable(value)


def _is_storable(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _as_json(parts: Sequence[object]) -> bytes:
    return json.dumps(parts, separators=(",", ":")).encode("ascii")
