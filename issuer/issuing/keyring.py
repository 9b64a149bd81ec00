"""The keyring: the signing keys of one process, opened once and kept in memory.

Signing and publishing ask no database. What a key may do follows from its timestamps and the time of
the request, so a key starts and ends to sign at its second, without anyone's doing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from issuer.clock import Clock
from issuer.errors import TemporarilyUnavailable
from issuer.jose import keys, sealing
from issuer.jose.keys import SigningKey, VerifyingKey
from issuer.jose.sealing import MasterKeys
from issuer.jose.signing import Signer
from issuer.model.audience import AudienceId
from issuer.model.signing_key import REFRESH_ALG, TOKEN_ALGS, KeyPurpose, KeyState, StoredKey
from issuer.store import signing_keys
from issuer.store.db import Engine, reading

_ALG_ORDER = (*TOKEN_ALGS, REFRESH_ALG)
_Use = tuple[KeyPurpose, str]


@dataclass(frozen=True, slots=True)
class LoadedKey:
    """A key in memory. public_jwk: as derived from the private key, None unless it is for tokens.

    The row's own public_jwk is not trusted: nothing binds it to the sealed key.
    """

    stored: StoredKey
    signer: Signer
    verifying: VerifyingKey
    public_jwk: Mapping[str, str] | None

    def is_published(self, now: int) -> bool:
        """Return whether services may see the key: until nothing of it is valid.

        Its row is there from published_at on. A clock that is behind, or was set back, hides no key that
        another one signs with.
        """
        return self.public_jwk is not None and self.stored.is_needed(now)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys at one moment, newest first; never changed, only replaced.

    shared: those that sign for every audience without one of its own, by use. own: those of one audience.
    """

    keys: tuple[LoadedKey, ...] = ()
    shared: Mapping[_Use, tuple[LoadedKey, ...]] = field(default_factory=dict)
    own: Mapping[AudienceId, tuple[LoadedKey, ...]] = field(default_factory=dict)
    by_kid: Mapping[_Use, LoadedKey] = field(default_factory=dict)

    @classmethod
    def of(cls, loaded: Iterable[LoadedKey]) -> "KeySet":
        """Return the set of these keys; algorithms in a fixed order, where keys are of one age."""
        ordered = tuple(sorted(loaded, key=_age))
        shared: dict[_Use, tuple[LoadedKey, ...]] = {}
        own: dict[AudienceId, tuple[LoadedKey, ...]] = {}
        for key in ordered:
            line = key.stored.line
            if line.audience_id is None:
                use = (line.purpose, line.alg)
                shared[use] = (*shared.get(use, ()), key)
            else:
                own[line.audience_id] = (*own.get(line.audience_id, ()), key)
        by_kid = {(key.stored.purpose, key.stored.kid): key for key in ordered}
        return cls(ordered, shared, own, by_kid)


class Keyring:
    """The keys that this process signs and verifies with; empty until loaded."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._master_keys: MasterKeys = ()
        self._set = KeySet()

    def load(self, engine: Engine, master_keys: MasterKeys) -> None:
        """Open the keys in the database; the master keys are kept for reloading.

        Raises WrongMasterKey or UnusableKey if a key that is still needed does not open.
        """
        self._master_keys = master_keys
        self.reload(engine)

    def reload(self, engine: Engine) -> None:
        """Take over what has changed; keys that are known stay the objects they are.

        Others see the old keys or the new ones, never a mixture. Whatever is raised, the old ones stay.
        """
        with reading(engine) as connection:
            stored = signing_keys.list_keys(connection)
        now = self._clock.now()
        self._set = KeySet.of(self._load(key) for key in stored if key.is_needed(now))

    def signer(
        self, purpose: KeyPurpose, alg: str, now: int, audience_id: AudienceId | None = None
    ) -> Signer:
        """Return what signs at `now`: the newest key whose time has come and not ended.

        audience_id: of the one audience of the token, whose own key signs if there is one by then.
        Raises TemporarilyUnavailable if there is none.
        """
        keys = self._set
        if audience_id is not None and audience_id in keys.own:
            for key in keys.own[audience_id]:
                if key.stored.alg == alg and key.stored.state(now) is KeyState.ACTIVE:
                    return key.signer
        for key in keys.shared.get((purpose, alg), ()):
            if key.stored.state(now) is KeyState.ACTIVE:
                return key.signer
        raise TemporarilyUnavailable(f"no key signs {alg} for {purpose.value} now")

    def signer_of(self, kid: str, purpose: KeyPurpose) -> Signer:
        """Return what signs with one certain key, to make again what was signed with it before.

        Raises TemporarilyUnavailable if this process does not hold the key (yet).
        """
        key = self._set.by_kid.get((purpose, kid))
        if key is None:
            raise TemporarilyUnavailable("a key is named that this process does not hold")
        return key.signer

    def list_published(self, now: int) -> list[Mapping[str, str]]:
        """Return the public JWKs that services verify with at `now`, newest first; HMAC keys never.

        Pending keys are among them, so that every verifier knows a key before it first signs. Keys of
        one audience stand in its own set only.
        """
        return [
            key.public_jwk
            for key in self._set.keys
            if key.public_jwk and key.stored.audience_id is None and key.is_published(now)
        ]

    def list_published_for(self, audience_id: AudienceId, now: int) -> list[Mapping[str, str]]:
        """Return the public JWKs of one audience's own keys at `now`, newest first; none if it has none.

        The shared ones follow while they may have signed tokens for it that are still good, or will sign
        the next ones: so its service may fetch from here before its first own key signs, and go on
        doing so for a while after the last.
        """
        own = [key for key in self._set.own.get(audience_id, ()) if key.is_published(now)]
        published = [key.public_jwk for key in own if key.public_jwk]
        is_alone = any(key.stored.signs_until is None and key.stored.shared_until <= now for key in own)
        if published and not is_alone:
            published += self.list_published(now)
        return published

    def find_verifying_key(self, kid: str, purpose: KeyPurpose, now: int) -> VerifyingKey | None:
        """Return the key of that kid, None if it is of another purpose, compromised, removed or unknown."""
        key = self._set.by_kid.get((purpose, kid))
        return key.verifying if key is not None and key.stored.is_needed(now) else None

    def find_owner(self, kid: str) -> AudienceId | None:
        """Return the audience that alone a key signs for, None for a shared key or one that is not here."""
        key = self._set.by_kid.get((KeyPurpose.TOKEN, kid))
        return None if key is None else key.stored.audience_id

    def holds(self, kid: str) -> bool:
        """Return whether a key of that kid is here, whatever its purpose and state."""
        return any(key.stored.kid == kid for key in self._set.keys)

    def _load(self, stored: StoredKey) -> LoadedKey:
        known = self._set.by_kid.get((stored.purpose, stored.kid))
        if known is not None and known.stored.alg == stored.alg:
            return LoadedKey(stored, known.signer, known.verifying, known.public_jwk)
        return _open(stored, sealing.open_key(stored, self._master_keys))


def _open(stored: StoredKey, key: SigningKey) -> LoadedKey:
    is_public = stored.purpose is KeyPurpose.TOKEN
    return LoadedKey(
        stored, Signer(key), keys.make_verifying_key(key), keys.public_jwk(key) if is_public else None
    )


def _age(key: LoadedKey) -> tuple[int, int, int, str]:
    stored = key.stored
    return (-stored.signs_from, -stored.created_at, _ALG_ORDER.index(stored.alg), stored.kid)
