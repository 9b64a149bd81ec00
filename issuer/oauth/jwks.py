"""The JWKS: the public keys that services verify with (RFC 7517 §5), for all and for one audience."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from issuer import answers
from issuer.answers import Application, Environ, StartResponse
from issuer.clock import Clock
from issuer.issuing.keyring import Keyring
from issuer.model.audience import AudienceId
from issuer.oauth.documents import Document, DocumentEndpoint

MEDIA_TYPE = "application/jwk-set+json"

# Ids of audiences, as numbers that a database may hold.
_OWN = re.compile(r"/\.well-known/jwks/([1-9][0-9]{0,17})\.json")

# Published at a time, newest first.
_ListPublished = Callable[[int], list[Mapping[str, str]]]


class Jwks:
    """A key set as a document, made anew only when the published keys change."""

    def __init__(self, list_published: _ListPublished, clock: Clock) -> None:
        self._list_published = list_published
        self._clock = clock
        # Swapped as one: of two threads that see different keys, neither leaves half of its own.
        self._made: tuple[tuple[str, ...], Document] = ((), Document.of({"keys": []}))

    def find_document(self) -> Document:
        """Return the key set as published now."""
        keys = self._list_published(self._clock.now())
        kids = tuple(key["kid"] for key in keys)
        made_of, document = self._made
        if kids != made_of:
            document = Document.of({"keys": list(keys)})
            self._made = (kids, document)
        return document


class OwnJwks:
    """The key sets of audiences that have a key of their own, each at its address; 404 for all others.

    note: told the audience and the User-Agent of each GET, None where there is none.
    """

    def __init__(self, keyring: Keyring, clock: Clock, note: Callable[[int, str | None], None]) -> None:
        self._keyring = keyring
        self._clock = clock
        self._note = note
        # As many as there are audiences with a key of their own: others are not kept.
        self._endpoints: dict[AudienceId, Application] = {}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request for the key set that the path names."""
        found = _OWN.fullmatch(environ["PATH_INFO"])
        audience_id = AudienceId(int(found[1])) if found else None
        if audience_id is None or not self._keyring.list_published_for(audience_id, self._clock.now()):
            return answers.answer_json(environ, start_response, 404, {"error": "not_found"})
        return self._find(audience_id)(environ, start_response)

    def _find(self, audience_id: AudienceId) -> Application:
        if audience_id not in self._endpoints:
            jwks = Jwks(lambda now: self._keyring.list_published_for(audience_id, now), self._clock)
            self._endpoints[audience_id] = DocumentEndpoint(
                jwks.find_document, MEDIA_TYPE, partial(self._note, audience_id)
            )
        return self._endpoints[audience_id]
