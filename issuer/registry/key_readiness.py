"""Readiness: whether a key may sign without a service refusing its tokens, and if not, what for it waits.

A service that fetched the keys before this one was announced may keep them for as long as caches last.
Who has fetched since is known by user agent only, behind each of which there may be many programs: so what
is certain is the time, and the names tell who keeps keys for longer than they were told to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from issuer.config import SHORTEST_PUBLISH_AHEAD_SECONDS
from issuer.model.jwks_fetch import MAIN_DOCUMENT, JwksFetch
from issuer.model.signing_key import KeyPurpose, KeyState, StoredKey
from issuer.registry import key_steps
from issuer.registry.registrar import Registrar
from issuer.store import jwks_fetches, signing_keys
from issuer.store.db import Connection

# Who has not come for longer is not waited for.
LATELY_SECONDS: Final = 24 * 3600
# What is fetched so soon after an announcement may come from a process that has not looked since.
_LOOK_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is known of a key that waits or signs.

    horizon: when no cache that does as it is told holds keys from before it was announced. fetched: who has
    fetched since; missing: who did within a day before, and not since. wait_until: None where it may sign
    without harm, or does. reason: why, in words.
    """

    key: StoredKey
    horizon: int
    fetched: tuple[JwksFetch, ...]
    missing: tuple[JwksFetch, ...]
    wait_until: int | None
    reason: str

    @property
    def is_safe(self) -> bool:
        """Whether it may sign now and no service that does as it is told refuses its tokens."""
        return self.wait_until is None


def list_readiness(registrar: Registrar) -> tuple[Readiness, ...]:
    """Return what is known of every key that waits or signs, newest first."""
    now = registrar.clock.now()
    with registrar.reading() as connection:
        stored = signing_keys.list_keys(connection)
        return tuple(
            _assess(connection, key, now, is_first=_is_first(key, stored))
            for key in stored
            if key.may_sign(now)
        )


def _is_first(key: StoredKey, stored: Iterable[StoredKey]) -> bool:
    """Return whether its key set held no other before it."""
    return not any(
        (one.purpose, one.audience_id) == (key.purpose, key.audience_id)
        and one.published_at < key.published_at
        for one in stored
    )


def _assess(connection: Connection, key: StoredKey, now: int, *, is_first: bool) -> Readiness:
    if key.purpose is KeyPurpose.REFRESH:
        return _assess_unpublished(key, now)
    document = MAIN_DOCUMENT if key.audience_id is None else int(key.audience_id)
    fetches = jwks_fetches.list_fetches(connection, document)
    known_from = key.published_at + _LOOK_SECONDS
    fetched = tuple(each for each in fetches if each.last_at >= known_from)
    missing = tuple(each for each in fetches if now - LATELY_SECONDS <= each.last_at < known_from)
    horizon = key.published_at + SHORTEST_PUBLISH_AHEAD_SECONDS
    if is_first and key.signs_from == key.published_at:
        # Nobody can have fetched keys without this one.
        reason = "It signs, and is the first of its kind: nobody can have fetched the keys without it."
        return Readiness(key, horizon, fetched, missing, None, reason)
    wait_until, reason = _judge(key, horizon, len(missing), now)
    return Readiness(key, horizon, fetched, missing, wait_until, reason)


def _assess_unpublished(key: StoredKey, now: int) -> Readiness:
    if key.state(now) is KeyState.ACTIVE:
        return Readiness(key, key.signs_from, (), (), None, "It signs. No service verifies with it.")
    reason = "It waits until every process of this issuer has seen it. No service verifies with it."
    return Readiness(key, key.signs_from, (), (), key.signs_from, reason)


def _judge(key: StoredKey, horizon: int, missing: int, now: int) -> tuple[int | None, str]:
    is_active = key.state(now) is KeyState.ACTIVE
    if now < horizon:
        begun = "It signs already, and services" if is_active else "Services"
        return horizon, (
            f"{begun} may go on using the keys that they fetched before "
            f"{key_steps.utc(key.published_at)} until {key_steps.utc(horizon)}."
        )
    if is_active:
        return None, "It signs, and caches from before it was announced have run out."
    if missing:
        who = "One user agent" if missing == 1 else f"{missing} user agents"
        return key.signs_from, (
            f"Caches should have run out at {key_steps.utc(horizon)}, but {who} fetched the keys within the "
            "last 24 hours and not since this one was announced. That may be a service that keeps keys for "
            "longer than it was told, or one that nobody has asked since."
        )
    return None, (
        f"Caches from before it was announced ran out at {key_steps.utc(horizon)}, and everyone who fetched "
        "the keys within the last 24 hours has fetched them since."
    )
