"""A signing key as stored: public part in clear, private part sealed."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

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
class StoredKey:
    """A key's row. Times are epoch seconds.

    kid: RFC 7638 thumbprint of an asymmetric key, random for HMAC (a thumbprint would tell of it).
    public_jwk: None for HMAC. sealed: AES-GCM under the master key `master_key_id`, bound to kid and purpose.
    signs_until, verify_until: None while the key has no successor.
    longest_lifetime_seconds: the longest life of anything it may have signed.
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

    def state(self, now: int) -> KeyState:
        """Return the state that the timestamps give at `now`."""
        if self.compromised_at is not None:
            return KeyState.COMPROMISED
        if now < self.signs_from:
            return KeyState.PENDING
        if self.signs_until is None or now < self.signs_until:
            return KeyState.ACTIVE
        if self.verify_until is None or now < self.verify_until:
            return KeyState.RETIRED
        return KeyState.REMOVED

    def is_needed(self, now: int) -> bool:
        """Return whether anything may still be signed or verified with the key at `now` or later."""
        return self.state(now) not in {KeyState.REMOVED, KeyState.COMPROMISED}

    def may_sign(self, now: int) -> bool:
        """Return whether anything may still be signed with the key at `now` or later."""
        return self.state(now) in {KeyState.PENDING, KeyState.ACTIVE}

    def __repr__(self) -> str:
        return f"StoredKey(kid={self.kid!r}, purpose={self.purpose.value!r}, alg={self.alg!r})"
