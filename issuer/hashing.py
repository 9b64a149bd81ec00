"""Hashes of random secrets.

SHA-256 alone is right for values of 256 random bits: there is nothing to guess, so a slow
hash would only slow the token endpoint down. Passwords of people need argon2 instead.
"""

import hashlib
import hmac


def hash_secret(secret: str) -> bytes:
    """Return the SHA-256 digest of a random secret, as 32 bytes.

    secret: any text; lone surrogates are hashed as they stand, so no input raises.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def is_same_hash(left: bytes, right: bytes) -> bool:
    """Return whether two digests are equal, in time that does not depend on where they differ."""
    return hmac.compare_digest(left, right)
