"""Plans that are kept: a client that asks the same again gets the same decision without deciding anew.

A decision rests on what is asked, the client's record and the time, and on nothing else. So a plan holds
as long as the record is the same object (any change to the registry brings another one) and no alias
has reached its date. Refusals are not kept. Deciding costs as much as an ES256 signature.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from issuer.model.permission import ClientRecord
from issuer.model.token_plan import GrantedRequest, TargetRequest

MOST_PLANS: Final = 4096
LONGEST_QUESTION: Final = 1024

# A plan, in whatever form it is decided.
Plan = TypeVar("Plan")
# What a client asks for itself, or what it asks of what was granted before.
Question = TypeVar("Question", bound=TargetRequest | GrantedRequest)
Decide = Callable[[Question, ClientRecord, int], Plan]

_NEVER = 2**62


@dataclass(frozen=True, slots=True)
class KeptPlan(Generic[Plan]):
    """A plan and what it holds for: this very record, from `since` until before `until` (epoch seconds)."""

    record: ClientRecord
    since: int
    until: int
    plan: Plan


class KeptPlans(Generic[Question, Plan]):
    """Decides, and remembers what it decided for the requests that came last."""

    def __init__(self, decide: Decide[Question, Plan]) -> None:
        self._decide = decide
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, Question], KeptPlan[Plan]] = {}

    def plan(self, request: Question, record: ClientRecord, now: int) -> Plan:
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

    def _keep(self, key: tuple[str, Question], kept: KeptPlan[Plan]) -> None:
        with self._lock:
            if len(self._kept) >= MOST_PLANS:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = kept


def _length(request: TargetRequest | GrantedRequest) -> int:
    if isinstance(request, GrantedRequest):
        return _length(request.request) + sum(map(len, (*request.grant.audiences, *request.grant.scopes)))
    return sum(map(len, (*request.resources, *request.audiences, request.scope or "")))


def _next_date(record: ClientRecord, now: int) -> int:
    dates = (alias.until for permission in record.permissions for alias in permission.audience.aliases)
    return min((date for date in dates if date is not None and date > now), default=_NEVER)
