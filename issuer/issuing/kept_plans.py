"""Plans that are kept: a client that asks the same again gets the same decision without deciding anew.

A decision rests on the request, the client's record and the time, and on nothing else. So a plan holds
as long as the record is the same object (any change to the registry brings another one) and no alias
has reached its date. Refusals are not kept. Deciding costs as much as an ES256 signature.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from issuer.model.permission import ClientRecord
from issuer.model.token_plan import TargetRequest, TokenPlan

MOST_PLANS: Final = 4096
LONGEST_QUESTION: Final = 1024

Decide = Callable[[TargetRequest, ClientRecord, int], TokenPlan]

_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan and what it holds for: this very record, from `since` until before `until` (epoch seconds)."""

    record: ClientRecord
    since: int
    until: int
    plan: TokenPlan


class KeptPlans:
    """Decides, and remembers what it decided for the requests that came last."""

    def __init__(self, decide: Decide) -> None:
        self._decide = decide
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, TargetRequest], KeptPlan] = {}

    def plan(self, request: TargetRequest, record: ClientRecord, now: int) -> TokenPlan:
        """Return what `decide` returns for these now; raises what it raises."""
        key = (record.client.client_id, request)
        kept = self._kept.get(key)
        if kept is not None and kept.record is record and kept.since <= now < kept.until:
            return kept.plan
        plan = self._decide(request, record, now)
        # A client may ask the same at any length (a scope named over and over): memory has a bound.
        if _length(request) <= LONGEST_QUESTION:
            self._keep(key, KeptPlan(record, now, _next_date(record, now), plan))
        return plan

    def _keep(self, key: tuple[str, TargetRequest], kept: KeptPlan) -> None:
        with self._lock:
            if len(self._kept) >= MOST_PLANS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = kept


def _length(request: TargetRequest) -> int:
    return sum(map(len, (*request.resources, *request.audiences, request.scope or "")))


def _next_date(record: ClientRecord, now: int) -> int:
    dates = (alias.until for permission in record.permissions for alias in permission.audience.aliases)
    return min((date for date in dates if date is not None and date > now), default=_NEVER)
