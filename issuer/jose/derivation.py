"""Derivation: secrets that follow from a master key, each for one purpose (HKDF-SHA256, RFC 5869).

What is derived need not be stored, and says nothing of the master key or of what other purposes get.
"""

from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_LABEL: Final = b"issuer-derived|v1|"
_BYTES: Final = 32


def derive(master_key: bytes, purpose: str) -> bytes:
    """Return the 32 bytes that a master key gives for a purpose, the same at every start.

    purpose: a fixed ASCII word, one for each use, never text of a request.
    """
    return HKDF(SHA256(), _BYTES, salt=None, info=_LABEL + purpose.encode("ascii")).derive(master_key)
