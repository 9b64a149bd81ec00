"""Statistics: what was issued and refused since ever, over all processes, for whoever watches.

Read from sums that serving processes write once a second, so any process tells the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from issuer.model.duration import DurationSum
from issuer.model.signing_key import StoredKey
from issuer.model.usage import UsageTotal
from issuer.registry import tick
from issuer.store import audiences, durations, families, leases, signing_keys, usage
from issuer.store.db import Engine, reading

MOST_NAMED: Final = 200


@dataclass(frozen=True, slots=True)
class Statistics:
    """The sums at one moment.

    names: identifiers by audience id, of the first 200 audiences that tokens were issued for. durations:
    of token requests, by bound. ticked_at: when a tick was last done, None if never.
    """

    totals: tuple[UsageTotal, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    durations: Mapping[int, DurationSum] = field(default_factory=dict)
    keys: tuple[StoredKey, ...] = ()
    incidents: int = 0
    ticked_at: int | None = None


def read(engine: Engine) -> Statistics:
    """Return the statistics as of now; raises TemporarilyUnavailable if the database is away."""
    with reading(engine) as connection:
        totals = usage.list_totals(connection)
        return Statistics(
            totals=totals,
            names=audiences.list_primary_identifiers(connection, _list_first(totals)),
            durations=durations.list_durations(connection),
            keys=signing_keys.list_keys(connection),
            incidents=families.find_incident_count(connection),
            ticked_at=leases.find_succeeded_at(connection, tick.LEASE),
        )


def _list_first(totals: tuple[UsageTotal, ...]) -> list[int]:
    """Return the audiences that were used first, 200 at most.

    The busiest would be more telling, but whenever one overtook another a sum would seem to go down,
    which Prometheus takes for a restart. Who was there first stays there.
    """
    first: dict[int, int] = {}
    for total in totals:
        if total.audience_id:
            first[total.audience_id] = min(total.first_at, first.get(total.audience_id, total.first_at))
    return sorted(first, key=lambda audience_id: (first[audience_id], audience_id))[:MOST_NAMED]
