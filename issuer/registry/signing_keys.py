"""The signing keys: made at the first start, one for each purpose and algorithm, whoever starts first."""

from collections.abc import Iterable, Mapping, Sequence

from issuer.clock import Clock
from issuer.entropy import Entropy
from issuer.jose import keys, sealing
from issuer.jose.keys import SigningKey
from issuer.jose.sealing import MasterKeys
from issuer.model.audit_event import Actor, ActorKind
from issuer.model.signing_key import SHARED_LINES, KeyLine, KeyPurpose, StoredKey
from issuer.store import audit, registry_version
from issuer.store import signing_keys as rows
from issuer.store.db import Connection, Engine, reading, writing
from issuer.store.registry_version import Concern, ConcernKind

_ACTOR = Actor(ActorKind.SYSTEM, "first start")


def make_first_keys(
    engine: Engine,
    master_keys: MasterKeys,
    clock: Clock,
    entropy: Entropy,
    longest_seconds: Mapping[KeyPurpose, int],
) -> None:
    """Make the keys that are missing, in one transaction with their audit events; usually none are.

    longest_seconds: the longest life of anything that keys of a purpose may sign. Several processes at
    once make one set.
    Raises WrongMasterKey or UnusableKey, having written nothing, if a key that is still needed does not
    open: a second set beside one that cannot be read would end every token issued so far.
    """
    now = clock.now()
    stored = _list_opened(engine, master_keys, now)
    while missing := _list_missing(stored):
        # Keys are made and opened outside the write lock: with RSA that takes longer than all the rest.
        made = [make_key(line, master_keys, entropy, now, longest_seconds[line.purpose]) for line in missing]
        _add_unless_overtaken(engine, made, stored)
        stored = _list_opened(engine, master_keys, now)


def list_signing_keys(engine: Engine) -> tuple[StoredKey, ...]:
    """Return all keys whatever their state, newest first; opens none."""
    with reading(engine) as connection:
        return rows.list_keys(connection)


def check_open(stored: Iterable[StoredKey], master_keys: MasterKeys, now: int) -> None:
    """Raise WrongMasterKey or UnusableKey unless every key that is still needed opens."""
    for key in stored:
        if key.is_needed(now):
            sealing.open_key(key, master_keys)


def make_key(
    line: KeyLine, master_keys: MasterKeys, entropy: Entropy, now: int, longest_lifetime_seconds: int
) -> StoredKey:
    """Return a new key, not stored yet, that is published and signs from `now`."""
    return seal_key(
        line, keys.make_signing_key(line.alg, entropy), master_keys, entropy, now, longest_lifetime_seconds
    )


def seal_key(
    line: KeyLine,
    key: SigningKey,
    master_keys: MasterKeys,
    entropy: Entropy,
    now: int,
    longest_lifetime_seconds: int,
) -> StoredKey:
    """Return a key as it is stored, published and signing from `now`, sealed under the first master key."""
    purpose = line.purpose
    master_key_id, sealed = sealing.seal_key(key, purpose, master_keys, entropy)
    return StoredKey(
        kid=key.kid,
        purpose=purpose,
        alg=line.alg,
        public_jwk=keys.public_jwk(key) if purpose is KeyPurpose.TOKEN else None,
        sealed=sealed,
        master_key_id=master_key_id,
        created_at=now,
        published_at=now,
        signs_from=now,
        signs_until=None,
        verify_until=None,
        compromised_at=None,
        longest_lifetime_seconds=longest_lifetime_seconds,
        audience_id=line.audience_id,
    )


def _list_opened(engine: Engine, master_keys: MasterKeys, now: int) -> tuple[StoredKey, ...]:
    stored = list_signing_keys(engine)
    check_open(stored, master_keys, now)
    return stored


def _list_missing(stored: Sequence[StoredKey]) -> tuple[KeyLine, ...]:
    present = {key.line for key in stored if key.signs_until is None}
    return tuple(line for line in SHARED_LINES if line not in present)


def _add_unless_overtaken(engine: Engine, made: Sequence[StoredKey], seen: Sequence[StoredKey]) -> None:
    """Add keys, but only beside those that were seen: what others added was not opened yet."""
    with writing(engine) as connection:
        version = registry_version.raise_version(connection)
        is_overtaken = {key.kid for key in rows.list_keys(connection)} != {key.kid for key in seen}
        added = [] if is_overtaken else [key for key in made if rows.add_key(connection, key)]
        for key in added:
            _record(connection, key)
        kind = ConcernKind.KEYS if added else ConcernKind.NOBODY
        registry_version.add_change(connection, Concern(version, kind), at=made[0].created_at)


def _record(connection: Connection, key: StoredKey) -> None:
    after = {"purpose": key.purpose.value, "alg": key.alg, "signs_from": key.signs_from}
    audit.add_event(
        connection, _ACTOR, "key.added", "key", key.kid, at=key.created_at, before=None, after=after
    )
