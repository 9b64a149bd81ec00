"""The one place where randomness is drawn; everything else is handed an Entropy."""

import base64
import os

_SECRET_BYTES = 32
_IDENTIFIER_BYTES = 16
_SUFFIX_BYTES = 5


class Entropy:
    """The system's randomness. Tests hand in one that counts up."""

    def draw(self, size: int) -> bytes:
        """Return `size` random bytes."""
        return os.urandom(size)

    def identifier(self) -> str:
        """Return an unguessable identifier of 128 bits: 22 characters of base64url."""
        # 16 bytes always end in two characters of padding.
        return base64.urlsafe_b64encode(self.draw(_IDENTIFIER_BYTES))[:-2].decode("ascii")

    def secret(self) -> str:
        """Return a secret of 256 bits: 43 characters of base64url."""
        return base64.urlsafe_b64encode(self.draw(_SECRET_BYTES)).rstrip(b"=").decode("ascii")

    def suffix(self) -> str:
        """Return 8 lower-case letters and digits that tell two names apart; guessable, never a secret."""
        return base64.b32encode(self.draw(_SUFFIX_BYTES)).decode("ascii").lower()
