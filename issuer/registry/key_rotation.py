"""Rotation of keys: the next one is published, waits until every verifier knows it, then signs.

A key that signs tokens is fetched by services and cached there; one that they do not know yet makes
them refuse good tokens. So it waits, published, for as long as anybody may go without looking. The key
before it goes on verifying for as long as anything may live that it signed.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from issuer.errors import Conflict
from issuer.jose.sealing import MasterKeys
from issuer.model.signing_key import REFRESH_ALG, TOKEN_ALGS, KeyPurpose, KeyState, StoredKey
from issuer.registry import key_lifetimes, signing_keys
from issuer.registry.registrar import Change, Fields, Registrar
from issuer.store import signing_keys as rows

ALGS: Final = (*TOKEN_ALGS, REFRESH_ALG)

_SKEW_SECONDS = 60
# Several looks at the registry, as a busy machine may need.
_LOOK_SECONDS = 5

# Of a key and of the one before it.
_Kids = tuple[str, str]


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
        return self.stale_seconds + _SKEW_SECONDS


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key and the one before it, both as they are stored now."""

    key: StoredKey
    previous: StoredKey


def rotate(
    registrar: Registrar, master_keys: MasterKeys, algs: Iterable[str], waits: Waits
) -> tuple[Rotated, ...]:
    """Make the next key of each algorithm: published now, signing when its wait is over.

    All of them or none. Raises Conflict where a next key is waiting already, there is none to follow, or
    somebody else rotates at the same moment; WrongMasterKey or UnusableKey where the keys that are there
    do not open.
    """
    open_keys = _list_open(registrar, master_keys, algs)
    for waiting in _list_waiting(open_keys, registrar.clock.now()):
        raise Conflict(
            f"A next {waiting.alg} key is already waiting, it signs at {_utc(waiting.signs_from)}."
        )
    made = [_make_next(key, master_keys, registrar) for key in open_keys]
    with registrar.change() as change:
        kids = [
            _follow(change, previous, key, change.now + waits.ahead_seconds(key.purpose), waits)
            for previous, key in zip(open_keys, made, strict=True)
        ]
    return _list_rotated(registrar, kids)


def rotate_now(
    registrar: Registrar, master_keys: MasterKeys, algs: Iterable[str], waits: Waits
) -> tuple[Rotated, ...]:
    """Let the next key of each algorithm sign at once: the one that waits, or one made now.

    Whoever cached the published keys before refuses its tokens until they look again. Raises as `rotate`
    does, but for keys that wait.
    """
    open_keys = _list_open(registrar, master_keys, algs)
    waiting = _list_waiting(open_keys, registrar.clock.now())
    made = {key.kid: _make_next(key, master_keys, registrar) for key in open_keys if key not in waiting}
    with registrar.change() as change:
        kids = [
            _follow(change, key, made[key.kid], change.now, waits)
            if key.kid in made
            else _sign_at_once(change, key, waits)
            for key in open_keys
        ]
    return _list_rotated(registrar, kids)


def _list_open(registrar: Registrar, master_keys: MasterKeys, algs: Iterable[str]) -> Sequence[StoredKey]:
    """Return the newest key of each algorithm, the one without an end; the keys were seen to open."""
    with registrar.reading() as connection:
        stored = rows.list_keys(connection)
    signing_keys.check_open(stored, master_keys, registrar.clock.now())
    by_alg = {key.alg: key for key in stored if key.signs_until is None}
    wanted = sorted(set(algs), key=ALGS.index)
    for alg in wanted:
        if alg not in by_alg:
            raise Conflict(f"There is no {alg} key to follow yet: `issuer serve` makes the first ones.")
    return [by_alg[alg] for alg in wanted]


def _list_waiting(stored: Iterable[StoredKey], now: int) -> list[StoredKey]:
    return [key for key in stored if key.state(now) is KeyState.PENDING]


def _make_next(previous: StoredKey, master_keys: MasterKeys, registrar: Registrar) -> StoredKey:
    """Return a key of the same kind, whose times are not set yet.

    Made outside the transaction: an RSA key takes longer than all the rest.
    """
    kind = (previous.purpose, previous.alg)
    seconds = previous.longest_lifetime_seconds
    return signing_keys.make_key(kind, master_keys, registrar.entropy, registrar.clock.now(), seconds)


def _follow(change: Change, previous: StoredKey, made: StoredKey, signs_from: int, waits: Waits) -> _Kids:
    """Publish a key from now on; when it begins to sign, the one before it ends."""
    longest = key_lifetimes.find_longest_seconds(change.connection, waits.longest_seconds)
    key = replace(
        made,
        created_at=change.now,
        published_at=change.now,
        signs_from=signs_from,
        longest_lifetime_seconds=max(made.longest_lifetime_seconds, longest[made.purpose]),
    )
    is_ended = rows.change_end(change.connection, previous.kid, None, signs_from, waits.overlap_seconds)
    if not is_ended or not rows.add_key(change.connection, key):
        raise _overtaken(previous.alg)
    _record_end(change, previous, signs_from)
    after: Fields = {"purpose": key.purpose.value, "alg": key.alg, "signs_from": signs_from}
    change.record("key.added", "key", key.kid, None, after)
    change.concerns_keys()
    return key.kid, previous.kid


def _sign_at_once(change: Change, waiting: StoredKey, waits: Waits) -> _Kids:
    """Let a key that waits begin now, and the one before it end now."""
    ended = rows.find_ending(change.connection, waiting.purpose, waiting.alg, waiting.signs_from)
    if ended is None or not rows.change_start(change.connection, waiting.kid, waiting.signs_from, change.now):
        raise _overtaken(waiting.alg)
    rows.change_end(change.connection, ended.kid, waiting.signs_from, change.now, waits.overlap_seconds)
    _record_end(change, ended, change.now)
    before: Fields = {"signs_from": waiting.signs_from}
    change.record("key.signs_at_once", "key", waiting.kid, before, {"signs_from": change.now})
    change.concerns_keys()
    return waiting.kid, ended.kid


def _record_end(change: Change, ended: StoredKey, signs_until: int) -> None:
    before: Fields = {"signs_until": ended.signs_until}
    change.record("key.ended", "key", ended.kid, before, {"signs_until": signs_until})


def _overtaken(alg: str) -> Conflict:
    return Conflict(f"Somebody else has just rotated the {alg} key: see `issuer key list`.")


def _list_rotated(registrar: Registrar, kids: Iterable[_Kids]) -> tuple[Rotated, ...]:
    with registrar.reading() as connection:
        by_kid = {key.kid: key for key in rows.list_keys(connection)}
    return tuple(Rotated(by_kid[kid], by_kid[previous]) for kid, previous in kids)


def _utc(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
