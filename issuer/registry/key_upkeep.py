"""Upkeep of keys: each line gets its next key in time, and what is of no use any more is erased.

Every process that ticks may call it, as often as it likes: a lease keeps two from doing the same work,
and what they write is conditional besides, for a lease may end while its holder is stopped.
"""

from dataclasses import dataclass
from typing import Final

from issuer.jose.sealing import MasterKeys
from issuer.model.signing_key import KeyState, StoredKey
from issuer.registry import key_rotation
from issuer.registry.key_rotation import Rotated
from issuer.registry.key_steps import Waits
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.registry.tick import MARGIN_SECONDS
from issuer.store import leases
from issuer.store import signing_keys as rows

LEASE: Final = "keys"

# Longer than making an RSA key for each of many audiences.
_LEASE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Kept:
    """What an upkeep did. erased: the kids of keys whose private part is gone."""

    rotated: tuple[Rotated, ...]
    erased: tuple[str, ...]


def keep(
    registrar: Registrar, master_keys: MasterKeys, waits: Waits, rotation_seconds: int, every_seconds: int = 0
) -> Kept | None:
    """Rotate the keys that are due and erase those that are over; None if somebody else does, or just did.

    rotation_seconds: how long a key signs, 0 for until somebody rotates it. every_seconds: for those who
    come by themselves; not again before so long after the last time.
    Raises WrongMasterKey or UnusableKey where a key that is needed does not open.
    """
    holder, now = registrar.entropy.identifier(), registrar.clock.now()
    with registrar.noting(Power.KEYS) as connection:
        if not leases.add_holder(connection, LEASE, holder, now, _LEASE_SECONDS, now - every_seconds):
            return None
    rotated = (
        key_rotation.rotate_due(registrar, master_keys, rotation_seconds, waits) if rotation_seconds else ()
    )
    kept = Kept(rotated, erase(registrar))
    with registrar.noting(Power.KEYS) as connection:
        leases.change_done(connection, LEASE, holder, registrar.clock.now())
    return kept


def erase(registrar: Registrar) -> tuple[str, ...]:
    """Erase the private parts of keys that are removed for longer than any clock is wrong; return the kids.

    Their rows stay, so that a token of theirs is still known by its kid.
    """
    with registrar.reading(Power.KEYS) as connection:
        over = [key.kid for key in rows.list_keys(connection) if _is_over(key, registrar.clock.now())]
    if not over:
        return ()
    with registrar.change(Power.KEYS) as change:
        rows.change_erased(change.connection, over, change.now)
        for kid in over:
            change.record("key.erased", "key", kid, None, {"erased_at": change.now})
        change.concerns_keys()
    return tuple(over)


def _is_over(key: StoredKey, now: int) -> bool:
    return key.erased_at is None and key.state(now - MARGIN_SECONDS) is KeyState.REMOVED
