"""A signing key as stored: public part in clear, private part sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from issuer.model.audience import AudienceId

TOKEN_ALGS = ("RS256", "ES256")
REFRESH_ALG = "HS256"


class KeyPurpose(StrEnum):
    """What a key signs. Keys of different purposes never stand in for each other."""

    TOKEN = "token"  # noqa: S105 - a purpose, not a password
    REFRESH = "refresh"


class KeyState(StrEnum):
    """Where a key is in its life; follows from its timestamps."""

    PENDING = "pending"
    ACTIVE = "active"
    RETIRED = "retired"
    REMOVED = "removed"
    COMPROMISED = "compromised"


@dataclass(frozen=True, slots=True)
class KeyLine:
    """Keys that follow one another: of one purpose and algorithm.

    audience_id: of the audience that alone they sign for, None for those that sign for all others.
    """

    purpose: KeyPurpose
    alg: str
    audience_id: AudienceId | None = None


SHARED_LINES = (
    *(KeyLine(KeyPurpose.TOKEN, alg) for alg in TOKEN_ALGS),
    KeyLine(KeyPurpose.REFRESH, REFRESH_ALG),
)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key's row. Times are epoch seconds.

    kid: RFC 7638 thumbprint of an asymmetric key, random for HMAC (a thumbprint would tell of it).
    public_jwk: None for HMAC. sealed: AES-GCM under the master key `master_key_id`, bound to kid and purpose;
    empty once it was erased.
    signs_until, verify_until: None while the key has no successor.
    longest_lifetime_seconds: the longest life of anything it may have signed.
    audience_id: as of its line. shared_until: of an audience's own key: until when the keys that sign for all
    stand beside it in the audience's JWKS, for tokens that they have signed; 0 for never.
    """

    kid: str
    purpose: KeyPurpose
    alg: str
    public_jwk: Mapping[str, str] | None
    sealed: bytes
    master_key_id: str
    created_at: int
    published_at: int
    signs_from: int
    signs_until: int | None
    verify_until: int | None
    compromised_at: int | None
    longest_lifetime_seconds: int
    audience_id: AudienceId | None = None
    shared_until: int = 0
    erased_at: int | None = None

    @property
    def line(self) -> KeyLine:
        """The line that the key is of."""
        return KeyLine(self.purpose, self.alg, self.audience_id)

    def state(self, now: int) -> KeyState:
        """Return the state that the timestamps give at `now`."""
        if self.compromised_at is not None:
            return KeyState.COMPROMISED
        if self.erased_at is not None:
            # By a machine whose clock was ahead, perhaps: without a private part it is of no use to any.
            return KeyState.REMOVED
        if now < self.signs_from:
            return KeyState.PENDING
        if self.signs_until is None or now < self.signs_until:
            return KeyState.ACTIVE
        if self.verify_until is None or now < self.verify_until:
            return KeyState.RETIRED
        return KeyState.REMOVED

    @property
    def has_begun(self) -> bool:
        """Whether its time to sign came, or will: it was not found to be compromised before."""
        return self.compromised_at is None or self.signs_from <= self.compromised_at

    def is_needed(self, now: int) -> bool:
        """Return whether anything may still be signed or verified with the key at `now` or later."""
        return self.state(now) not in {KeyState.REMOVED, KeyState.COMPROMISED}

    def may_sign(self, now: int) -> bool:
        """Return whether anything may still be signed with the key at `now` or later."""
        return self.state(now) in {KeyState.PENDING, KeyState.ACTIVE}

    def __repr__(self) -> str:
        return f"StoredKey(kid={self.kid!r}, purpose={self.purpose.value!r}, alg={self.alg!r})"
