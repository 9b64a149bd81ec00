"""Steps that write signing keys inside a transaction, which several acts share.

Keys are made, and seen to open, before the transaction: an RSA key takes longer than all the rest.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from issuer.config import Settings
from issuer.errors import Conflict
from issuer.jose.sealing import MasterKeys
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState, StoredKey
from issuer.registry import key_lifetimes, signing_keys
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Fields, Registrar
from issuer.store import signing_keys as rows

# Several looks at the registry, as a busy machine may need.
_LOOK_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Waits:
    """What a rotation waits for, in seconds.

    publish_ahead: how long services may go without fetching the keys. stale: how long a process of ours
    answers without having seen the registry. longest: the longest life of what keys of a purpose sign.
    """

    publish_ahead_seconds: int
    stale_seconds: int
    longest_seconds: Mapping[KeyPurpose, int]

    def ahead_seconds(self, purpose: KeyPurpose) -> int:
        """Return how long a key is known before it signs.

        Nobody but this issuer verifies refresh tokens: their key waits only until each of its processes
        has seen it, or has stopped answering for not seeing the registry.
        """
        if purpose is KeyPurpose.TOKEN:
            return self.publish_ahead_seconds
        return self.stale_seconds + _LOOK_SECONDS

    @property
    def overlap_seconds(self) -> int:
        """How long after its end a key is held to have signed still: by a process that did not see it end."""
        return self.stale_seconds + key_lifetimes.SKEW_SECONDS


def make_waits(settings: Settings) -> Waits:
    """Return what settings let a rotation wait for."""
    longest = {
        KeyPurpose.TOKEN: settings.access_token_max_seconds,
        KeyPurpose.REFRESH: settings.refresh_absolute_seconds,
    }
    return Waits(settings.key_publish_ahead_seconds, settings.registry_stale_seconds, longest)


def list_keys(registrar: Registrar, master_keys: MasterKeys) -> tuple[StoredKey, ...]:
    """Return all keys, newest first, those that are still needed seen to open.

    Raises WrongMasterKey or UnusableKey where one does not.
    """
    with registrar.reading(Power.KEYS) as connection:
        stored = rows.list_keys(connection)
    signing_keys.check_open(stored, master_keys, registrar.clock.now())
    return stored


def find_open(stored: Iterable[StoredKey], line: KeyLine) -> StoredKey | None:
    """Return the key of a line that has no end: the one that signs last of all so far; None if none does."""
    return next((key for key in stored if key.line == line and key.signs_until is None), None)


def make_next(previous: StoredKey, master_keys: MasterKeys, registrar: Registrar) -> StoredKey:
    """Return a key of the same line, whose times are not set yet."""
    made = signing_keys.make_key(
        previous.line,
        master_keys,
        registrar.entropy,
        registrar.clock.now(),
        previous.longest_lifetime_seconds,
    )
    return replace(made, shared_until=previous.shared_until)


def follow(
    change: Change, previous: StoredKey, made: StoredKey, signs_from: int, waits: Waits
) -> tuple[str, str]:
    """Publish a key from now on; when it begins to sign, the one before it ends. Return both kids."""
    if not rows.change_end(change.connection, previous.kid, None, signs_from, waits.overlap_seconds):
        raise overtaken(previous)
    record_end(change, previous, signs_from)
    add(change, made, signs_from, waits)
    return made.kid, previous.kid


def add(change: Change, made: StoredKey, signs_from: int, waits: Waits) -> None:
    """Publish a key from now on, in a line where no other is without an end."""
    longest = key_lifetimes.find_longest_seconds(change.connection, waits.longest_seconds)
    key = replace(
        made,
        created_at=change.now,
        published_at=change.now,
        signs_from=signs_from,
        longest_lifetime_seconds=max(made.longest_lifetime_seconds, longest[made.purpose]),
    )
    if not rows.add_key(change.connection, key):
        raise overtaken(made)
    after: Fields = {"purpose": key.purpose.value, "alg": key.alg, "signs_from": signs_from}
    if key.audience_id is not None:
        after = {**after, "audience_id": key.audience_id}
    change.record("key.added", "key", key.kid, None, after)
    change.concerns_keys()


def find_shared_until(change: Change, signs_from: int, waits: Waits) -> int:
    """Return until when shared keys are good for an audience whose first own key signs from then.

    Settings may have allowed more when they signed than they do now, so the keys are asked as well.
    """
    allowed = key_lifetimes.find_longest_seconds(change.connection, waits.longest_seconds)
    known = [
        key.longest_lifetime_seconds
        for key in rows.list_keys(change.connection)
        if key.purpose is KeyPurpose.TOKEN and key.audience_id is None and key.is_needed(change.now)
    ]
    return signs_from + max(allowed[KeyPurpose.TOKEN], *known, 0) + waits.overlap_seconds


def begin_at_once(change: Change, waiting: StoredKey, waits: Waits) -> str | None:
    """Let a key that waits begin now, the one before it end now; return that one's kid, None if none is."""
    ended = rows.find_ending(change.connection, waiting.line, waiting.signs_from)
    if not rows.change_start(change.connection, waiting.kid, waiting.signs_from, change.now):
        raise overtaken(waiting)
    if ended is not None:
        rows.change_end(change.connection, ended.kid, waiting.signs_from, change.now, waits.overlap_seconds)
        record_end(change, ended, change.now)
    before: Fields = {"signs_from": waiting.signs_from}
    change.record("key.signs_at_once", "key", waiting.kid, before, {"signs_from": change.now})
    change.concerns_keys()
    return None if ended is None else ended.kid


def record_end(change: Change, ended: StoredKey, signs_until: int | None) -> None:
    """Record that a key signs until then, or on."""
    action = "key.ended" if signs_until is not None else "key.signs_on"
    before: Fields = {"signs_until": ended.signs_until}
    change.record(action, "key", ended.kid, before, {"signs_until": signs_until})


def overtaken(key: StoredKey) -> Conflict:
    """Return the refusal of an act whose keys somebody else has just changed."""
    return Conflict(f"Somebody else has just rotated the {key.alg} key: see `issuer key list`.")


def list_waiting(stored: Iterable[StoredKey], now: int) -> Sequence[StoredKey]:
    """Return the keys that are published and do not sign yet."""
    return [key for key in stored if key.state(now) is KeyState.PENDING]


def utc(at: int) -> str:
    """Return a time as people read it in a refusal."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
