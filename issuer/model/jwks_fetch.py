"""Fetches of the published keys, as they are counted."""

from dataclasses import dataclass
from typing import Final, NamedTuple

# The set of all keys but those that stand in a document of their own.
MAIN_DOCUMENT: Final = 0


class FetchKey(NamedTuple):
    """What is counted together. document: MAIN_DOCUMENT or an audience's id; user_agent: as cut short."""

    document: int
    user_agent: str


@dataclass(frozen=True, slots=True)
class FetchSum:
    """How often, and when for the first and for the last time, in epoch seconds."""

    first_at: int
    last_at: int
    count: int


@dataclass(frozen=True, slots=True)
class JwksFetch:
    """Who has fetched a document, how often and when; of a user agent there may be many programs."""

    document: int
    user_agent: str
    first_at: int
    last_at: int
    count: int
