"""Wording: what findings share in how they are said."""

import shlex
from collections.abc import Sequence

_MOST_NAMED = 3


def command(*words: str) -> str:
    """Return a command line of this program, quoted as a shell takes it."""
    return f"`issuer {shlex.join(words)}`"


def name_some(names: Sequence[str]) -> str:
    """Return up to three names, and how many more there are."""
    named = ", ".join(names[:_MOST_NAMED])
    more = len(names) - _MOST_NAMED
    return f"{named} and {more} more" if more > 0 else named
