"""Rotation of keys: the next one is published, waits until every verifier knows it, then signs.

A key that signs tokens is fetched by services and cached there; one that they do not know yet makes
them refuse good tokens. So it waits, published, for as long as anybody may go without looking. The key
before it goes on verifying for as long as anything may live that it signed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from issuer.errors import Conflict
from issuer.jose.sealing import MasterKeys
from issuer.model.signing_key import SHARED_LINES, KeyLine, KeyState, StoredKey
from issuer.registry import key_steps
from issuer.registry.key_steps import Waits
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.store import signing_keys as rows

ALGS: Final = tuple(line.alg for line in SHARED_LINES)

# Of a key and of the one before it.
_Kids = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key and the one before it, both as they are stored now."""

    key: StoredKey
    previous: StoredKey

    @property
    def is_first(self) -> bool:
        """Whether it follows none, as the first key of an audience: it is the one before itself then."""
        return self.key.kid == self.previous.kid


def list_shared_lines(algs: Iterable[str]) -> tuple[KeyLine, ...]:
    """Return the lines of algorithms whose keys sign for every audience without a key of its own."""
    wanted = frozenset(algs)
    return tuple(line for line in SHARED_LINES if line.alg in wanted)


def rotate(
    registrar: Registrar, master_keys: MasterKeys, lines: Iterable[KeyLine], waits: Waits
) -> tuple[Rotated, ...]:
    """Make the next key of each line: published now, signing when its wait is over.

    All of them or none. Raises Conflict where a next key is waiting already, there is none to follow, or
    somebody else rotates at the same moment; WrongMasterKey or UnusableKey where the keys that are there
    do not open.
    """
    open_keys = _list_open(registrar, master_keys, lines)
    for waiting in key_steps.list_waiting(open_keys, registrar.clock.now()):
        raise Conflict(
            f"A next {waiting.alg} key is already waiting, it signs at {key_steps.utc(waiting.signs_from)}."
        )
    made = [key_steps.make_next(key, master_keys, registrar) for key in open_keys]
    with registrar.change(Power.KEYS) as change:
        kids = [_follow(change, previous, key, waits) for previous, key in zip(open_keys, made, strict=True)]
    return list_rotated(registrar, kids)


def rotate_now(
    registrar: Registrar, master_keys: MasterKeys, lines: Iterable[KeyLine], waits: Waits
) -> tuple[Rotated, ...]:
    """Let the next key of each line sign at once: the one that waits, or one made now.

    Whoever cached the published keys before refuses its tokens until they look again. Raises as `rotate`
    does, but for keys that wait.
    """
    open_keys = _list_open(registrar, master_keys, lines)
    waiting = {key.kid for key in key_steps.list_waiting(open_keys, registrar.clock.now())}
    made = {
        key.kid: key_steps.make_next(key, master_keys, registrar)
        for key in open_keys
        if key.kid not in waiting
    }
    with registrar.change(Power.KEYS) as change:
        kids = []
        for key in open_keys:
            if key.kid in made:
                kids.append(key_steps.follow(change, key, made[key.kid], change.now, waits))
            else:
                kids.append((key.kid, key_steps.begin_at_once(change, key, waits) or key.kid))
    return list_rotated(registrar, kids)


def rotate_due(
    registrar: Registrar, master_keys: MasterKeys, every_seconds: int, waits: Waits
) -> tuple[Rotated, ...]:
    """Make the next key of each line whose key is so old that its successor is to sign soon.

    every_seconds: how long a key signs. Raises as `rotate`, but for what somebody else has just rotated.
    """
    now = registrar.clock.now()
    with registrar.reading(Power.KEYS) as connection:
        due = [
            key
            for key in rows.list_keys(connection)
            if key.signs_until is None
            and key.state(now) is KeyState.ACTIVE
            and key.signs_from + every_seconds <= now + waits.ahead_seconds(key.purpose)
        ]
    if not due:
        # Somebody looks every minute for months: only who rotates opens the keys, which costs.
        return ()
    key_steps.list_keys(registrar, master_keys)
    kids: list[_Kids] = []
    for key in due:
        made = key_steps.make_next(key, master_keys, registrar)
        try:
            with registrar.change(Power.KEYS) as change:
                kids.append(_follow(change, key, made, waits))
        except Conflict:
            # Somebody else was faster: what was due is done.
            continue
    return list_rotated(registrar, kids)


def _follow(change: Change, previous: StoredKey, made: StoredKey, waits: Waits) -> _Kids:
    """Let a key that has no end be followed by one that waits."""
    return key_steps.follow(change, previous, made, change.now + waits.ahead_seconds(made.purpose), waits)


def _list_open(
    registrar: Registrar, master_keys: MasterKeys, lines: Iterable[KeyLine]
) -> Sequence[StoredKey]:
    """Return the newest key of each line, the one without an end; the keys were seen to open."""
    stored = key_steps.list_keys(registrar, master_keys)
    found = []
    for line in dict.fromkeys(lines):
        key = key_steps.find_open(stored, line)
        if key is None:
            made_by = "`issuer serve` makes the first ones"
            if line.audience_id is not None:
                made_by = "its audience has given it up, or never had one"
            raise Conflict(f"There is no {line.alg} key to follow yet: {made_by}.")
        found.append(key)
    return found


def list_rotated(registrar: Registrar, kids: Iterable[_Kids]) -> tuple[Rotated, ...]:
    """Return keys, each named with the one before it, as they are stored now."""
    with registrar.reading() as connection:
        by_kid = {key.kid: key for key in rows.list_keys(connection)}
    return tuple(Rotated(by_kid[kid], by_kid[previous]) for kid, previous in kids)
