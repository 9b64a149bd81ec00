"""The JWKS: the public keys that services verify with (RFC 7517 §5)."""

from issuer.clock import Clock
from issuer.issuing.keyring import Keyring
from issuer.oauth.documents import Document

MEDIA_TYPE = "application/jwk-set+json"


class Jwks:
    """The key set as a document, made anew only when the published keys change."""

    def __init__(self, keyring: Keyring, clock: Clock) -> None:
        self._keyring = keyring
        self._clock = clock
        # Swapped as one: of two threads that see different keys, neither leaves half of its own.
        self._made: tuple[tuple[str, ...], Document] = ((), Document.of({"keys": []}))

    def find_document(self) -> Document:
        """Return the key set as published now."""
        keys = self._keyring.list_published(self._clock.now())
        kids = tuple(key["kid"] for key in keys)
        made_of, document = self._made
        if kids != made_of:
            document = Document.of({"keys": list(keys)})
            self._made = (kids, document)
        return document
