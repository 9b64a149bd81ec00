"""Public documents: ready-made bytes with an ETag, the same for everyone who asks."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from issuer import answers
from issuer.answers import Environ, StartResponse
from issuer.errors import MethodNotAllowed

MAX_AGE_SECONDS: Final = 300


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON document as it goes over the wire. etag: quoted, as in the header (RFC 9110 §8.8.3)."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, content: Mapping[str, object]) -> "Document":
        """Return the document of a JSON object."""
        body = json.dumps(content, separators=(",", ":")).encode("ascii")
        return cls(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class DocumentEndpoint:
    """Serves one document by GET and HEAD, with 304 for those who have it, to any origin (CORS).

    note: told the User-Agent of each GET, None where there is none.
    """

    def __init__(
        self,
        find_document: Callable[[], Document],
        media_type: str,
        note: Callable[[str | None], None] | None = None,
    ) -> None:
        self._find_document = find_document
        self._media_type = media_type
        self._note = note

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request for the document."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            body = {"error": MethodNotAllowed.code, "error_description": MethodNotAllowed.sentence}
            return answers.answer_json(
                environ, start_response, MethodNotAllowed.status, body, [("Allow", "GET, HEAD")]
            )
        document = self._find_document()
        if self._note is not None and environ["REQUEST_METHOD"] == "GET":
            self._note(environ.get("HTTP_USER_AGENT"))
        headers = [
            ("Cache-Control", f"public, max-age={MAX_AGE_SECONDS}"),
            ("ETag", document.etag),
            ("Access-Control-Allow-Origin", "*"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        if _has_current(environ.get("HTTP_IF_NONE_MATCH"), document.etag):
            headers.append(("X-Request-ID", environ.get(answers.REQUEST_ID, "")))
            start_response("304 Not Modified", headers)
            return [b""]
        headers.append(("Content-Type", self._media_type))
        return answers.answer(environ, start_response, 200, headers, document.body)


def _has_current(if_none_match: str | None, etag: str) -> bool:
    if not if_none_match:
        return False
    # RFC 9110 §13.1.2: a list, weak comparison, or "*" for whatever there is.
    candidates = {candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")}
    return etag in candidates or "*" in candidates
