"""Withdrawal of keys before their time: one that shall not sign any more, or never have.

A key that is retired goes on verifying what it signed. A compromised one stands in no JWKS from that
moment, and nothing that it ever signed is good here: whoever stole it could write whatever they like.
Services that have cached the JWKS go on accepting that until they fetch it again.
"""

from dataclasses import replace

from issuer.errors import Conflict, NotFound
from issuer.jose.sealing import MasterKeys
from issuer.model.signing_key import KeyLine, KeyState, StoredKey
from issuer.registry import key_steps
from issuer.registry.key_steps import Waits
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.store import signing_keys as rows


def retire(registrar: Registrar, master_keys: MasterKeys, kid: str, waits: Waits) -> tuple[StoredKey, ...]:
    """Let a key sign no more from now on, and return it and whichever signs in its place, as stored now.

    In place of one that signs, its successor signs at once: the one that waits, or one made now. In
    place of one that waits, the one before it signs on, as if nothing had been made.
    Raises NotFound; Conflict where the key does not sign and will not, or somebody else changes keys at
    the same moment; WrongMasterKey or UnusableKey where the keys that are there do not open.
    """
    stored = key_steps.list_keys(registrar, master_keys)
    key = _require(stored, kid)
    now = registrar.clock.now()
    state = key.state(now)
    if state not in {KeyState.ACTIVE, KeyState.PENDING}:
        raise Conflict(f"The key {kid} is {state} already: it signs nothing any more.")
    successor = _make_successor(registrar, master_keys, key) if state is KeyState.ACTIVE else None
    with registrar.change(Power.KEYS) as change:
        _require_same(change, stored, key)
        if state is KeyState.PENDING:
            if not rows.change_withdrawn(change.connection, kid, key.signs_until, change.now):
                raise key_steps.overtaken(key)
            change.record("key.withdrawn", "key", kid, None, {"signs_from": None})
            if _extend_before(change, key, waits) is None:
                raise Conflict(
                    f"The key {kid} is the first of its audience: let the audience do without one of its own."
                )
        else:
            _replace_signer(change, key, successor, stored, waits)
    return _list_changed(registrar, stored, kid)


def compromise(
    registrar: Registrar, master_keys: MasterKeys, kid: str, waits: Waits
) -> tuple[StoredKey, ...]:
    """Withdraw a key at once and for good, and return it and whatever signs in its place, as stored now.

    It leaves the JWKS, what it signed is refused by this issuer, its private part is erased. If it signs,
    its successor signs at once; if it waits, the one before it signs on. Raises as `retire`.
    """
    stored = key_steps.list_keys(registrar, master_keys)
    key = _require(stored, kid)
    now = registrar.clock.now()
    state = key.state(now)
    if state in {KeyState.COMPROMISED, KeyState.REMOVED}:
        raise Conflict(f"The key {kid} is {state} already: nothing that it signed is accepted.")
    successor = _make_successor(registrar, master_keys, key)
    with registrar.change(Power.KEYS) as change:
        _require_same(change, stored, key)
        if state is KeyState.ACTIVE:
            _replace_signer(change, key, successor, stored, waits)
        if not rows.change_compromised(change.connection, kid, change.now):
            raise key_steps.overtaken(key)
        if state is KeyState.PENDING and _extend_before(change, key, waits) is None and successor is not None:
            _add_first(change, successor, waits)
        change.record("key.compromised", "key", kid, {"state": state.value}, {"state": "compromised"})
        change.concerns_keys()
    return _list_changed(registrar, stored, kid)


def _require(stored: tuple[StoredKey, ...], kid: str) -> StoredKey:
    for key in stored:
        if key.kid == kid:
            return key
    raise NotFound(f"There is no key {kid}: see `issuer key list`.")


def _make_successor(registrar: Registrar, master_keys: MasterKeys, key: StoredKey) -> StoredKey | None:
    """Return a key to sign in the place of one without an end; another's place is filled, or needs not be."""
    return key_steps.make_next(key, master_keys, registrar) if key.signs_until is None else None


def _find_waiting(stored: tuple[StoredKey, ...], key: StoredKey) -> StoredKey | None:
    """Return the key that is to sign after one that has an end."""
    found = key_steps.find_open(stored, key.line)
    return None if found is None or found.kid == key.kid else found


def _replace_signer(
    change: Change, key: StoredKey, made: StoredKey | None, stored: tuple[StoredKey, ...], waits: Waits
) -> None:
    """Let the one that waits sign at once in a key's place, or else the one that was made for it."""
    waiting = _find_waiting(stored, key)
    if waiting is not None:
        key_steps.begin_at_once(change, waiting, waits)
    elif made is not None:
        key_steps.follow(change, key, made, change.now, waits)
    else:
        # An audience gives up its own key: the shared ones sign from its end on, or now.
        if not rows.change_end(
            change.connection, key.kid, key.signs_until, change.now, waits.overlap_seconds
        ):
            raise key_steps.overtaken(key)
        key_steps.record_end(change, key, change.now)
        change.concerns_keys()


def _extend_before(change: Change, withdrawn: StoredKey, waits: Waits) -> str | None:
    """Let the key before one that never signed sign for as long as that one was to; return its kid.

    None if there is none.
    """
    connection, ended = change.connection, withdrawn.signs_from
    before = rows.find_ending(connection, withdrawn.line, ended)
    if before is None:
        return None
    if withdrawn.signs_until is None:
        is_changed = rows.change_reopened(connection, before.kid, ended)
    else:
        # The audience gives up its own keys: they end when they were to.
        is_changed = rows.change_end(
            connection, before.kid, ended, withdrawn.signs_until, waits.overlap_seconds
        )
    if not is_changed:
        return None
    key_steps.record_end(change, before, withdrawn.signs_until)
    change.concerns_keys()
    return before.kid


def _add_first(change: Change, made: StoredKey, waits: Waits) -> None:
    """Add a key in place of one that waited and followed none."""
    if made.audience_id is None:
        # Nobody else signs: that happens where a clock was set back.
        key_steps.add(change, made, change.now, waits)
    else:
        signs_from = change.now + waits.publish_ahead_seconds
        shared_until = key_steps.find_shared_until(change, signs_from, waits)
        key_steps.add(change, replace(made, shared_until=shared_until), signs_from, waits)


def _require_same(change: Change, seen: tuple[StoredKey, ...], key: StoredKey) -> None:
    """Raise Conflict where a line is not as it was when it was decided what to do."""
    if _list_times(rows.list_keys(change.connection), key.line) != _list_times(seen, key.line):
        raise key_steps.overtaken(key)


def _list_times(stored: tuple[StoredKey, ...], line: KeyLine) -> set[tuple[str, int, int | None, int | None]]:
    return {
        (key.kid, key.signs_from, key.signs_until, key.compromised_at) for key in stored if key.line == line
    }


def _list_changed(registrar: Registrar, before: tuple[StoredKey, ...], kid: str) -> tuple[StoredKey, ...]:
    """Return the keys that are not as they were: the one of that kid first."""
    known = {key.kid: key for key in before}
    with registrar.reading() as connection:
        stored = rows.list_keys(connection)
    changed = [key for key in stored if known.get(key.kid) != key]
    return tuple(sorted(changed, key=lambda key: key.kid != kid))
