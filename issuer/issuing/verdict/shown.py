"""What of a token may be shown: never its signature, another token or a secret, and nothing unprintable.

A token is written by whoever made it: its words reach a terminal and a page.
"""

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from issuer.model.audience import JsonValue
from issuer.model.client import SECRET_PREFIX

LONGEST: Final = 200
NOT_SHOWN: Final = "(not shown)"

_SHORTEST_HIDDEN = 16
_TOKEN = re.compile(r"ey[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*")
_SECRET = re.compile(re.escape(SECRET_PREFIX) + r"[A-Za-z0-9_-]{8,}")
LAST_SECOND: Final = 253_402_300_799  # 9999-12-31T23:59:59Z


@dataclass(frozen=True, slots=True)
class Shown:
    """Shows parts of one token. signature: its third part, which stands in nothing that is shown."""

    signature: str = field(repr=False)

    def members(self, members: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return a header or claims as they may be shown."""
        return {self.text(name): self._value(value) for name, value in members.items()}

    def short(self, value: JsonValue) -> str:
        """Return a value on one line, as JSON where it is not a plain word; long ones are cut."""
        shown = self._value(value)
        if isinstance(shown, str) and shown and not set(shown) & set(' "\\,'):
            line = shown
        else:
            line = json.dumps(shown, ensure_ascii=False)
        return line if len(line) <= LONGEST else f"{line[:LONGEST]}… ({len(line)} characters)"

    def text(self, text: str) -> str:
        """Return a text of the token with everything in it hidden that is not to be shown."""
        if len(self.signature) >= _SHORTEST_HIDDEN and self.signature in text:
            return NOT_SHOWN
        hidden = _SECRET.sub(NOT_SHOWN, _TOKEN.sub(NOT_SHOWN, text))
        return "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in hidden)

    def _value(self, value: JsonValue) -> JsonValue:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, float) and not math.isfinite(value):
            return str(value)
        if isinstance(value, list):
            return [self._value(each) for each in value]
        if isinstance(value, dict):
            return self.members(value)
        return value


def show_time(seconds: int, now: int) -> str:
    """Return epoch seconds as people read them, and how far from now they are."""
    if not 0 <= seconds <= LAST_SECOND:
        return f"{seconds}, which is no time"
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    distance = abs(seconds - now)
    return f"{at}, {_span(distance)} {'ago' if seconds <= now else 'from now'}"


def _span(seconds: int) -> str:
    for size, name in ((86_400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} seconds"
