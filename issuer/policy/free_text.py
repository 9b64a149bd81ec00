"""Free text that admins write: names, owners, descriptions, labels. Kept as typed, if it may be kept."""

import unicodedata
from typing import Final

from issuer.errors import InvalidValue

LONGEST_NAME: Final = 100
LONGEST_DESCRIPTION: Final = 1000

# Controls, lone surrogates, separators of lines and paragraphs: they break logs, or a database refuses them.
_REFUSED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
# They turn the direction of what follows, so that a name reads as another.
_TURNS_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def check_name(text: str, what: str, longest: int = LONGEST_NAME) -> str:
    """Return `text` if it may name something: not empty, no space at its ends.

    what: the field, for the refusal. longest: in characters. Raises InvalidValue.
    """
    if not text:
        raise InvalidValue(f"{what} is empty")
    if text != text.strip():
        raise InvalidValue(f"{what} begins or ends with a space")
    return check_text(text, what, longest)


def check_text(text: str, what: str, longest: int = LONGEST_DESCRIPTION) -> str:
    """Return `text` if it holds nothing that breaks a log, a page or a database; may be empty.

    what: the field, for the refusal. longest: in characters. Raises InvalidValue. Markup is text like
    any other: what shows it escapes it.
    """
    if len(text) > longest:
        raise InvalidValue(f"{what} has at most {longest} characters")
    for character in text:
        if unicodedata.category(character) in _REFUSED_CATEGORIES or character in _TURNS_DIRECTION:
            raise InvalidValue(f"{what} holds the control character U+{ord(character):04X}")
    return text
