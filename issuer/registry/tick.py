"""The tick: removes what has expired, in batches, and never a row that still counts.

Nothing is removed at the second it expires: machines' clocks differ, and an access token outlives the
family that it came from. Incidents and audit events stay for ever. What a tick leaves undone the next
one does, so it may be stopped anywhere; a lease keeps two from doing the same work.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.model.signing_key import KeyPurpose
from issuer.model.web_session import ABSOLUTE_SECONDS
from issuer.store import (
    auth_failures,
    families,
    issuance,
    jwks_fetches,
    leases,
    refusals,
    registry_version,
    revocations,
    sign_in_failures,
    signing_keys,
    usage,
    web_sessions,
)
from issuer.store.db import Connection, Engine, reading, writing

LEASE: Final = "tick"
EVERY_SECONDS: Final = 60
# Between two batches, so that requests that write find their turn.
PAUSE_SECONDS: Final = 0.05
BATCH_ROWS: Final = 500
# More than any clock is wrong, one set to local time for UTC among them: what is revoked must not be
# forgotten while others take it for alive. And time to look at a family that has ended.
MARGIN_SECONDS: Final = 24 * 3600
# Longer than a count of failures can matter (policy.lockout).
FAILURE_SECONDS: Final = 3600
REFUSAL_SECONDS: Final = 30 * 24 * 3600
FETCH_SECONDS: Final = 30 * 24 * 3600
CHANGE_SECONDS: Final = 3600
# A day after it ended at the latest; that somebody signed in stays in the audit.
SESSION_SECONDS: Final = ABSOLUTE_SECONDS + 24 * 3600

_LEASE_SECONDS = 60
_DAY_SECONDS = 24 * 3600

# Removes up to so many rows and returns how many.
_Step = Callable[[Connection, int], int]


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long rows are kept, in seconds; what still counts is kept whatever this says.

    access_token_seconds: the longest life of an access token that the settings allow.
    """

    access_token_seconds: int
    issuance_seconds: int
    usage_seconds: int

    @classmethod
    def of_days(cls, access_token_seconds: int, issuance_days: int, usage_days: int) -> "Keeping":
        """Return what settings in days come to."""
        return cls(access_token_seconds, issuance_days * _DAY_SECONDS, usage_days * _DAY_SECONDS)


class Ticker:
    """Removes what has expired, as one of any number of processes that do."""

    def __init__(self, engine: Engine, clock: Clock, entropy: Entropy, keeping: Keeping) -> None:
        self._engine = engine
        self._clock = clock
        self._entropy = entropy
        self._keeping = keeping

    def tick(
        self, is_to_go_on: Callable[[], bool] = lambda: True, *, every_seconds: int = 0
    ) -> Mapping[str, int] | None:
        """Return how many rows were removed, by kind; None if somebody else is at it, or just was.

        is_to_go_on: asked after each batch; it may wait, to let others at the database, and may end this.
        every_seconds: for those who come by themselves; not again before so long after the last time.
        Raises TemporarilyUnavailable if the database is away; the batches so far stay removed.
        """
        holder = self._entropy.identifier()
        now = self._clock.now()
        with writing(self._engine) as connection:
            if not leases.add_holder(connection, LEASE, holder, now, _LEASE_SECONDS, now - every_seconds):
                return None
        steps = self._list_steps(now)
        removed = dict.fromkeys(steps, 0)
        for name, step in steps.items():
            count = BATCH_ROWS
            while count == BATCH_ROWS:
                count = self._run(step, holder)
                removed[name] += count
                if not is_to_go_on():
                    return removed
        with writing(self._engine) as connection:
            leases.change_done(connection, LEASE, holder, self._clock.now())
        return removed

    def _run(self, step: _Step, holder: str) -> int:
        """Remove one batch and return its size; 0 if somebody else has the lease by now."""
        with writing(self._engine) as connection:
            until = self._clock.now() + _LEASE_SECONDS
            is_held = leases.change_until(connection, LEASE, holder, until)
            return step(connection, BATCH_ROWS) if is_held else 0

    def _list_steps(self, now: int) -> Mapping[str, _Step]:
        keeping = self._keeping
        # An access token that came from a family lives on after it, and is told dead by the family's row.
        family_before = now - self._find_access_token_seconds() - MARGIN_SECONDS

        def remove_families(connection: Connection, limit: int) -> int:
            expired = families.remove_expired(connection, family_before, limit)
            return expired + families.remove_ended(connection, family_before, limit - expired)

        def remove_refusals(connection: Connection, limit: int) -> int:
            old = refusals.remove_refusals(connection, now - REFUSAL_SECONDS, limit)
            return old + refusals.remove_excess(connection, limit - old)

        return {
            "revoked_tokens": lambda connection, limit: revocations.remove_expired_tokens(
                connection, now - MARGIN_SECONDS, limit
            ),
            "families": remove_families,
            "registry_changes": lambda connection, limit: registry_version.remove_changes(
                connection, now - CHANGE_SECONDS, limit
            ),
            "issuances": lambda connection, limit: issuance.remove_issuances(
                connection, now - keeping.issuance_seconds, now, limit
            ),
            "usage": lambda connection, limit: usage.remove_counts(
                connection, now - keeping.usage_seconds, limit
            ),
            "auth_failures": lambda connection, limit: auth_failures.remove_failures(
                connection, now - FAILURE_SECONDS, limit
            ),
            "sign_in_failures": lambda connection, limit: sign_in_failures.remove_failures(
                connection, now - FAILURE_SECONDS, limit
            ),
            "web_sessions": lambda connection, limit: web_sessions.remove_sessions(
                connection, now - SESSION_SECONDS, limit
            ),
            "refusals": remove_refusals,
            "jwks_fetches": lambda connection, limit: jwks_fetches.remove_fetches(
                connection, now - FETCH_SECONDS, limit
            ),
        }

    def _find_access_token_seconds(self) -> int:
        """Return the longest life of an access token: what is allowed now, or was while a key signed."""
        with reading(self._engine) as connection:
            keys = signing_keys.list_keys(connection)
        known = [key.longest_lifetime_seconds for key in keys if key.purpose is KeyPurpose.TOKEN]
        return max(self._keeping.access_token_seconds, *known, 0)
