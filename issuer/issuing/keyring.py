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
        """Return whether services may see the key: from published_at until nothing of it is valid."""
        return self.public_jwk is not None and self.stored.published_at <= now and self.stored.is_needed(now)


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys at one moment, newest first; never changed, only replaced."""

    keys: tuple[LoadedKey, ...] = ()
    by_alg: Mapping[_Use, tuple[LoadedKey, ...]] = field(default_factory=dict)
    by_kid: Mapping[_Use, LoadedKey] = field(default_factory=dict)

    @classmethod
    def of(cls, loaded: Iterable[LoadedKey]) -> "KeySet":
        """Return the set of these keys; algorithms in a fixed order, where keys are of one age."""
        ordered = tuple(sorted(loaded, key=_age))
        by_alg: dict[_Use, tuple[LoadedKey, ...]] = {}
        for key in ordered:
            use = (key.stored.purpose, key.stored.alg)
            by_alg[use] = (*by_alg.get(use, ()), key)
        return cls(ordered, by_alg, {(key.stored.purpose, key.stored.kid): key for key in ordered})


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

    def signer(self, purpose: KeyPurpose, alg: str, now: int) -> Signer:
        """Return what signs at `now`: the newest key whose time has come and not ended.

        Raises TemporarilyUnavailable if there is none.
        """
        for key in self._set.by_alg.get((purpose, alg), ()):
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

        Pending keys are among them, so that every verifier knows a key before it first signs.
        """
        return [key.public_jwk for key in self._set.keys if key.public_jwk and key.is_published(now)]

    def find_verifying_key(self, kid: str, purpose: KeyPurpose, now: int) -> VerifyingKey | None:
        """Return the key of that kid, None if it is of another purpose, compromised, removed or unknown."""
        key = self._set.by_kid.get((purpose, kid))
        return key.verifying if key is not None and key.stored.is_needed(now) else None

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
