"""Activity: how much an audience or a client was used, hour by hour, and what was refused to whom."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from issuer.model.listing import LARGEST_PAGE
from issuer.model.refusal_note import KeptRefusal
from issuer.registry import client_rules, spellings
from issuer.registry.registrar import Registrar
from issuer.store import refusals
from issuer.store.listings import activity as store

_HOUR_SECONDS: Final = 3600


class Span(IntEnum):
    """How far back activity is told, in hours."""

    DAY = 24
    WEEK = 7 * 24
    MONTH = 30 * 24


@dataclass(frozen=True, slots=True)
class Activity:
    """Counts by hour. first_hour: epoch seconds of the beginning of the first; this hour is the last.

    by_outcome: `issued` and codes of refusals, each with one number for every hour; what never came is not
    in it.
    """

    first_hour: int
    by_outcome: Mapping[str, tuple[int, ...]]

    def total(self, outcome: str) -> int:
        """Return how often something came in all hours."""
        return sum(self.by_outcome.get(outcome, ()))


def find_audience_activity(registrar: Registrar, identifier: str, span: Span) -> Activity:
    """Return the activity of an audience; five statements. Raises NotFound.

    Refusals are those that are kept with their particulars (`list_audience_refusals`): the newest, so of
    long ago there may be fewer than there were.
    """
    first = _first_hour(registrar, span)
    with registrar.reading() as connection:
        audience = spellings.require_audience(connection, identifier)
        counts = store.list_audience_counts(connection, audience.id, first)
    return _activity(first, span, counts)


def find_client_activity(registrar: Registrar, client_id: str, span: Span) -> Activity:
    """Return the activity of a client, whole; three statements. Raises NotFound."""
    first = _first_hour(registrar, span)
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        counts = store.list_client_counts(connection, client.key, first)
    return _activity(first, span, counts)


def list_refusals(registrar: Registrar, limit: int = LARGEST_PAGE) -> tuple[KeptRefusal, ...]:
    """Return the newest refusals of all clients; one statement."""
    with registrar.reading() as connection:
        return refusals.list_refusals(connection, min(limit, LARGEST_PAGE))


def list_audience_refusals(
    registrar: Registrar, identifier: str, limit: int = LARGEST_PAGE
) -> tuple[KeptRefusal, ...]:
    """Return the newest refusals of clients that asked for an audience; five statements. Raises NotFound."""
    with registrar.reading() as connection:
        audience = spellings.require_audience(connection, identifier)
        return refusals.list_refusals_for_audience(connection, audience.id, min(limit, LARGEST_PAGE))


def list_client_refusals(
    registrar: Registrar, client_id: str, limit: int = LARGEST_PAGE
) -> tuple[KeptRefusal, ...]:
    """Return the newest refusals of a client; three statements. Raises NotFound."""
    with registrar.reading() as connection:
        client = client_rules.require_client(connection, client_id)
        return refusals.list_refusals_of_client(connection, client.key, min(limit, LARGEST_PAGE))


def _first_hour(registrar: Registrar, span: Span) -> int:
    now = registrar.clock.now()
    return now - now % _HOUR_SECONDS - (span - 1) * _HOUR_SECONDS


def _activity(first: int, span: Span, counts: Mapping[tuple[str, int], int]) -> Activity:
    by_outcome: dict[str, list[int]] = {}
    for (outcome, hour), count in counts.items():
        place = (hour - first) // _HOUR_SECONDS
        if 0 <= place < span:
            by_outcome.setdefault(outcome, [0] * span)[place] += count
    return Activity(first, {outcome: tuple(by_outcome[outcome]) for outcome in sorted(by_outcome)})
