"""Hashes of passwords: argon2id, slow on purpose, and never many at a time.

One hash takes 64 MiB and about a tenth of a second. Whoever may ask without having signed in could
stop the server with it, so only a few are made at once; who finds no place waits a moment and is refused.
"""

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from issuer.entropy import Entropy
from issuer.errors import PasswordsBusy

MOST_BYTES: Final = 1024

_SALT_BYTES = 16
_HASH_BYTES = 32


@dataclass(frozen=True, slots=True)
class Cost:
    """What one hash takes; a stored hash of another cost is made anew at the next sign-in."""

    passes: int
    memory_kibibytes: int
    lanes: int


# RFC 9106 §4, the second recommended option.
STRONG: Final = Cost(passes=3, memory_kibibytes=64 * 1024, lanes=4)


class Hasher:
    """Makes and compares hashes, for who has a turn."""

    def __init__(self, entropy: Entropy, cost: Cost) -> None:
        self._entropy = entropy
        self._argon2 = PasswordHasher(
            cost.passes, cost.memory_kibibytes, cost.lanes, hash_len=_HASH_BYTES, salt_len=_SALT_BYTES
        )

    def hash(self, password: str) -> str:
        """Return the hash of a password that may be set (`policy.passwords`), with cost and salt in it."""
        return self._argon2.hash(as_bytes(password), salt=self._entropy.draw(_SALT_BYTES))

    def verify(self, stored: str | None, password: str) -> bool:
        """Return whether a password is the one that was hashed; takes as long where `stored` is None.

        password: any text, of any length. A stored text that is no hash fits no password.
        """
        presented = as_bytes(password)
        if stored is None or len(presented) > MOST_BYTES:
            self._argon2.hash(presented[:MOST_BYTES], salt=bytes(_SALT_BYTES))
            return False
        try:
            return self._argon2.verify(stored, presented)
        except (VerificationError, InvalidHashError):
            return False

    def is_outdated(self, stored: str) -> bool:
        """Return whether a hash was made at another cost than today's."""
        return self._argon2.check_needs_rehash(stored)


class Passwords:
    """Turns at hashing, of which one process gives only a few at once."""

    def __init__(
        self, entropy: Entropy, cost: Cost = STRONG, most_at_once: int = 2, wait_seconds: float = 2.0
    ) -> None:
        self._hasher = Hasher(entropy, cost)
        self._turns = threading.BoundedSemaphore(most_at_once)
        self._wait_seconds = wait_seconds

    @contextmanager
    def turn(self) -> Iterator[Hasher]:
        """Lend the hasher; raises PasswordsBusy where no turn comes in time."""
        if not self._turns.acquire(timeout=self._wait_seconds):
            raise PasswordsBusy("too many passwords are being checked")
        try:
            yield self._hasher
        finally:
            self._turns.release()


def as_bytes(password: str) -> bytes:
    """Return what is hashed of a password: its NFKC form, so that every keyboard types the same.

    Source: NIST SP 800-63B §3.1.1.2. Nothing else is folded: case and spaces count.
    """
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
