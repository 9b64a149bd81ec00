"""Cursors: where the next part of a long list begins, signed, so that nobody makes one up.

A cursor holds for one list in one order with one search: for any other it is refused.
"""

from collections.abc import Sequence

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from issuer.errors import BadLink

_SALT = "issuer-cursor|v1|"
_LONGEST = 2000

Position = tuple[str | int | None, ...]


def write_cursor(listed: str, position: Sequence[str | int | None]) -> str:
    """Return the cursor of a position. listed: what list it is of, in what order, with what search."""
    return str(_serializer(listed).dumps(list(position)))


def read_cursor(listed: str, cursor: str) -> Position:
    """Return the position of a cursor of the same list; raises BadLink for every other text."""
    if len(cursor) > _LONGEST:
        raise BadLink("the cursor is too long")
    try:
        position = _serializer(listed).loads(cursor)
    except BadSignature as error:
        raise BadLink("the cursor is not one of ours, or of another list") from error
    return tuple(position)


def _serializer(listed: str) -> URLSafeSerializer:
    fallbacks = current_app.config.get("SECRET_KEY_FALLBACKS") or []
    return URLSafeSerializer([*fallbacks, current_app.config["SECRET_KEY"]], salt=_SALT + listed)
