"""Rewrapping: every signing key is sealed anew under the first master key, so that the others can go.

Each row is exchanged whole, in a transaction of its own: whoever is killed leaves every key readable
under the old master key or under the new one, and whoever runs it again does the rest.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from issuer.errors import UnusableKey, WrongMasterKey
from issuer.jose import sealing
from issuer.jose.sealing import MasterKeys
from issuer.model.signing_key import StoredKey
from issuer.registry import signing_keys
from issuer.registry.powers import Power
from issuer.registry.registrar import Registrar
from issuer.store import signing_keys as rows

_ACTION: Final = "key.rewrapped"


@dataclass(frozen=True, slots=True)
class Holding:
    """How many keys are sealed under one master key.

    place: in the list of master keys, 1 for the one that seals; None for one that is not in it.
    """

    master_key_id: str
    place: int | None
    keys: int


@dataclass(frozen=True, slots=True)
class Rewrap:
    """What was sealed anew, each key as it was before, and under which master keys all keys are now."""

    rewrapped: tuple[StoredKey, ...]
    holdings: tuple[Holding, ...]

    @property
    def may_drop_others(self) -> bool:
        """Whether no stored key needs any master key but the first."""
        return all(holding.place == 1 or not holding.keys for holding in self.holdings)


def rewrap(registrar: Registrar, master_keys: MasterKeys) -> Rewrap:
    """Seal every key under the first master key that is sealed under another, one after the other.

    A key that somebody else changes meanwhile is left to them. Raises WrongMasterKey or UnusableKey,
    having written nothing, if a key that is still needed does not open.
    """
    rewrapped = []
    for stored in _list_due(registrar, master_keys):
        key = sealing.open_key(stored, master_keys)
        new_id, sealed = sealing.seal_key(key, stored.purpose, master_keys, registrar.entropy)
        with registrar.change(Power.KEYS) as change:
            # What processes hold of a key stays the same, so this concerns none of them.
            if rows.change_sealed(change.connection, stored.kid, stored.sealed, new_id, sealed):
                before, after = {"master_key_id": stored.master_key_id}, {"master_key_id": new_id}
                change.record(_ACTION, "key", stored.kid, before, after)
                rewrapped.append(stored)
    return Rewrap(tuple(rewrapped), _count(_list_sealed(registrar), master_keys))


def rehearse(registrar: Registrar, master_keys: MasterKeys) -> Rewrap:
    """Return what `rewrap` would seal anew and under which master keys all keys are now; writes nothing.

    Raises as `rewrap` does.
    """
    due = _list_due(registrar, master_keys)
    return Rewrap(tuple(due), _count(_list_sealed(registrar), master_keys))


def _list_due(registrar: Registrar, master_keys: MasterKeys) -> Sequence[StoredKey]:
    """Return the keys that are to be sealed anew; all that are needed were seen to open."""
    stored = _list_sealed(registrar)
    signing_keys.check_open(stored, master_keys, registrar.clock.now())
    first = sealing.master_key_id(master_keys[0])
    return [key for key in stored if key.master_key_id != first and _opens(key, master_keys)]


def _list_sealed(registrar: Registrar) -> Sequence[StoredKey]:
    """Return all keys but those whose private part was erased."""
    with registrar.reading(Power.KEYS) as connection:
        return [key for key in rows.list_keys(connection) if key.sealed]


def _opens(key: StoredKey, master_keys: MasterKeys) -> bool:
    try:
        sealing.open_key(key, master_keys)
    except (WrongMasterKey, UnusableKey):
        # Nobody needs it any more: it stays as it is.
        return False
    return True


def _count(stored: Iterable[StoredKey], master_keys: MasterKeys) -> tuple[Holding, ...]:
    found = Counter(key.master_key_id for key in stored)
    listed = [sealing.master_key_id(each) for each in master_keys]
    unlisted = sorted(found.keys() - set(listed))
    return tuple(
        Holding(each, listed.index(each) + 1 if each in listed else None, found[each])
        for each in (*dict.fromkeys(listed), *unlisted)
    )
