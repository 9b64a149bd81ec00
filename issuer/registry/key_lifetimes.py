"""How long what a key has signed may live: remembered on the key, and never less than is allowed.

A key goes on verifying after its end for as long as anything lives that it signed. What settings and
audiences allow today does not tell that; what they ever allowed while the key signed does.
"""

from collections.abc import Mapping
from typing import Final

from issuer.clock import Clock
from issuer.model.audience import TokenPolicy
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import KeyPurpose
from issuer.registry.registrar import Change
from issuer.store import audiences, audit, registry_version, signing_keys
from issuer.store.db import Connection, Engine, reading, writing
from issuer.store.registry_version import Concern, ConcernKind

# Clocks of our processes differ by no more.
SKEW_SECONDS: Final = 60

_ACTOR = Actor(ActorKind.SYSTEM, "start")


def allow(change: Change, policy: TokenPolicy) -> None:
    """Remember on the keys what an audience's policy allows, in the transaction that makes it so.

    Lifetimes of access tokens never exceed the setting that `align` remembers.
    """
    seconds = policy.refresh_absolute_seconds
    if seconds is None:
        return
    raised = signing_keys.change_longest_lifetime(
        change.connection, KeyPurpose.REFRESH, seconds, change.now, SKEW_SECONDS
    )
    for kid in raised:
        change.record("key.lifetime_raised", "key", kid, None, {"longest_lifetime_seconds": seconds})
    if raised:
        change.concerns_keys()


def align(engine: Engine, clock: Clock, longest_seconds: Mapping[KeyPurpose, int]) -> None:
    """Remember on the keys what settings and audiences allow now; writes nothing where they know it.

    longest_seconds: what the settings allow, by purpose. Raises TemporarilyUnavailable if the database
    is away.
    """
    latest_behind = clock.now() - SKEW_SECONDS
    with reading(engine) as connection:
        wanted = find_longest_seconds(connection, longest_seconds)
        is_known = all(
            key.longest_lifetime_seconds >= wanted[key.purpose] or not key.may_sign(latest_behind)
            for key in signing_keys.list_keys(connection)
        )
    if not is_known:
        _raise_all(engine, clock.now(), longest_seconds)


def find_longest_seconds(
    connection: Connection, longest_seconds: Mapping[KeyPurpose, int]
) -> dict[KeyPurpose, int]:
    """Return the longest life, by purpose, that settings and audiences allow now.

    longest_seconds: what the settings allow.
    """
    of_audiences = audiences.find_longest_refresh_seconds(connection) or 0
    refresh = max(longest_seconds[KeyPurpose.REFRESH], of_audiences)
    return {**longest_seconds, KeyPurpose.REFRESH: refresh}


def _raise_all(engine: Engine, now: int, longest_seconds: Mapping[KeyPurpose, int]) -> None:
    with writing(engine) as connection:
        version = registry_version.raise_version(connection)
        for purpose, seconds in find_longest_seconds(connection, longest_seconds).items():
            after = {"longest_lifetime_seconds": seconds}
            for kid in signing_keys.change_longest_lifetime(connection, purpose, seconds, now, SKEW_SECONDS):
                audit.add_event(
                    connection, _ACTOR, "key.lifetime_raised", "key", kid, at=now, before=None, after=after
                )
        registry_version.add_change(connection, Concern(version, ConcernKind.KEYS), at=now)
