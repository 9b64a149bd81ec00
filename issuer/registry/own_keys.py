"""An audience's own key: it signs for that audience alone and stands in no other key set.

A service that fetches only its own set trusts nothing that was signed for others, whatever else it
forgets to check. To get there no token may be refused on the way: from the moment an audience is given
a key, its set holds that key and the shared ones; its service fetches from there before the key signs;
and the shared ones leave the set when nothing that they signed is good any more.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from issuer.errors import Conflict
from issuer.jose.sealing import MasterKeys
from issuer.model.audience import Audience, AudienceId
from issuer.model.signing_key import KeyLine, KeyPurpose, KeyState
from issuer.registry import audience_rules, audience_steps, key_lifetimes, key_steps, signing_keys, spellings
from issuer.registry.key_steps import Waits
from issuer.registry.powers import Power
from issuer.registry.registrar import Change, Registrar
from issuer.store import audiences, permissions
from issuer.store import signing_keys as rows

# More than any process may answer from memory (ISSUER_REGISTRY_STALE_SECONDS), and clocks differ.
_LONGEST_OVERLAP_SECONDS: Final = 3600 + key_lifetimes.SKEW_SECONDS


def give(
    registrar: Registrar, master_keys: MasterKeys, identifier: str, waits: Waits, *, at_once: bool = False
) -> Audience:
    """Give an audience a key of its own and return the audience; twice is once.

    The key signs when every service has had the time to fetch it; at once where no token can have been
    issued for the audience yet, or if `at_once` says so, whatever breaks. Raises NotFound, Locked, Conflict
    where the audience is removed or the key of an earlier time signs still; WrongMasterKey or UnusableKey
    where the keys that are there do not open.
    """
    key_steps.list_keys(registrar, master_keys)
    with registrar.reading(Power.KEYS) as connection:
        found = spellings.require_audience(connection, identifier)
    line = _line_of(found)
    made = signing_keys.make_key(line, master_keys, registrar.entropy, registrar.clock.now(), 0)
    with registrar.change(Power.KEYS) as change:
        before = audience_rules.require_changeable(change.connection, identifier)
        if before.has_own_key:
            return before
        if _line_of(before) != line:
            raise Conflict(f"somebody changed {before.identifier} meanwhile")
        if rows.may_own_key_sign(change.connection, before.id, change.now):
            raise Conflict(f"the key that {before.identifier} had before still signs: see `issuer key list`")
        # Whoever was permitted once may hold a token still, though the permission is gone.
        is_unused = not permissions.was_ever_permitted(change.connection, before.id)
        signs_from = change.now if at_once or is_unused else change.now + waits.publish_ahead_seconds
        shared_until = 0 if is_unused else key_steps.find_shared_until(change, signs_from, waits)
        key_steps.add(change, replace(made, shared_until=shared_until), signs_from, waits)
        return audience_steps.write_own_key(change, before, has_own_key=True)


def give_up(registrar: Registrar, identifier: str, waits: Waits, *, at_once: bool = False) -> Audience:
    """Let an audience do without a key of its own and return the audience; twice is once.

    Its set holds the shared keys again from now on, and its own key signs until every service has had the
    time to fetch them, or ends now if `at_once` says so. Raises NotFound, Locked, or Conflict where the
    audience is removed.
    """
    with registrar.change(Power.KEYS) as change:
        before = audience_rules.require_changeable(change.connection, identifier)
        if not before.has_own_key:
            return before
        wait = 0 if at_once else waits.publish_ahead_seconds
        _end(change, before.id, change.now + wait, waits.overlap_seconds)
        return audience_steps.write_own_key(change, before, has_own_key=False)


def find_line(registrar: Registrar, identifier: str) -> KeyLine:
    """Return the line of an audience's own keys; raises NotFound, or Conflict where it has none."""
    with registrar.reading() as connection:
        audience = spellings.require_audience(connection, identifier)
    if not audience.has_own_key:
        raise Conflict(f"{audience.identifier} has no key of its own: issuer audience key --own")
    return _line_of(audience)


def find_last_times(registrar: Registrar, audience_id: AudienceId) -> tuple[int, int] | None:
    """Return until when keys that an audience gave up sign, and until when its key set is there.

    None where there is no such set any more.
    """
    now = registrar.clock.now()
    with registrar.reading() as connection:
        own = [
            (key.signs_until, key.verify_until)
            for key in rows.list_keys(connection)
            if key.audience_id == audience_id and key.is_needed(now)
        ]
    ends = [(until, gone) for until, gone in own if until is not None and gone is not None]
    return max(ends) if ends else None


def list_owners(registrar: Registrar) -> Mapping[int, str]:
    """Return the identifiers of audiences of which keys of their own are stored, by audience id."""
    with registrar.reading() as connection:
        ids = {key.audience_id for key in rows.list_keys(connection) if key.audience_id is not None}
        return audiences.list_primary_identifiers(connection, ids) if ids else {}


def end(change: Change, audience_id: AudienceId) -> None:
    """End the own key of an audience that is removed: nothing is issued for it from now on."""
    _end(change, audience_id, change.now, _LONGEST_OVERLAP_SECONDS)


def _line_of(audience: Audience) -> KeyLine:
    return KeyLine(KeyPurpose.TOKEN, audience.policy.signing_alg.value, audience.id)


def _end(change: Change, audience_id: AudienceId, signs_until: int, overlap_seconds: int) -> None:
    own = [key for key in rows.list_keys(change.connection) if key.audience_id == audience_id]
    is_signing = any(key.state(change.now) is KeyState.ACTIVE for key in own)
    for key in own:
        is_waiting = key.state(change.now) is KeyState.PENDING
        if is_waiting and (not is_signing or key.signs_from >= signs_until):
            # Its service may fetch from the set of the first key already, and needs time to go back.
            stands_until = (
                None if is_signing else signs_until + key.longest_lifetime_seconds + overlap_seconds
            )
            rows.change_withdrawn(change.connection, key.kid, key.signs_until, change.now, stands_until)
            change.record("key.withdrawn", "key", key.kid, None, {"signs_from": None})
        elif key.may_sign(change.now) and (key.signs_until is None or key.signs_until > signs_until):
            rows.change_end(change.connection, key.kid, key.signs_until, signs_until, overlap_seconds)
            key_steps.record_end(change, key, signs_until)
    change.concerns_keys()
