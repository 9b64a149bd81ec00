"""Usage by hour: how often a client got, or was refused, a token of an audience."""

from dataclasses import dataclass
from typing import Final, NamedTuple

# The outcome of a request that got its token; all others are codes of refusals.
ISSUED: Final = "issued"


class UsageKey(NamedTuple):
    """What is counted together. hour: epoch seconds of its start; key 0: no such client or audience.

    A named tuple, since one is made and hashed for every token.
    """

    hour: int
    client_key: int
    audience_id: int
    grant_type: str
    outcome: str


@dataclass(frozen=True, slots=True)
class UsageSum:
    """What came together under one key. last_at, max_exp: epoch seconds; max_exp 0 if nothing was issued."""

    count: int
    last_at: int
    max_exp: int


@dataclass(frozen=True, slots=True)
class UsageTotal:
    """What was counted since ever, over all clients.

    audience_id: 0 where none was named. first_at: when the first of them was counted, epoch seconds.
    """

    audience_id: int
    grant_type: str
    outcome: str
    count: int
    first_at: int
