"""`/metrics`: the metrics over HTTP, for whoever is configured to read them."""

import hmac
import threading
from collections.abc import Callable, Iterable
from typing import Final

from issuer import answers
from issuer.answers import Environ, StartResponse
from issuer.clock import Clock
from issuer.errors import MethodNotAllowed, TemporarilyUnavailable, TokenRejected
from issuer.metrics import exposition
from issuer.metrics.exposition import Sample
from issuer.registry.statistics import Statistics

PATH: Final = "/metrics"

# Sums are written once a second: to read them more often tells nothing new.
_FRESH_SECONDS = 1.0


class Metrics:
    """Answers `/metrics`. token: what must be sent as a Bearer token, "" for none.

    read: reads the statistics. age_seconds: how long ago this process saw the registry.
    While the database is away the sums stay as they were last seen, and `issuer_database_up` says so.
    """

    def __init__(
        self,
        read: Callable[[], Statistics],
        age_seconds: Callable[[], float],
        clock: Clock,
        version: str,
        token: str,
    ) -> None:
        self._read = read
        self._age_seconds = age_seconds
        self._clock = clock
        self._version = version
        self._token = token.encode("ascii")
        self._lock = threading.Lock()
        self._statistics = Statistics()
        self._is_fresh = False
        self._read_at: float | None = None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            body = {"error": MethodNotAllowed.code, "error_description": MethodNotAllowed.sentence}
            headers = [("Allow", "GET, HEAD")]
            return answers.answer_json(environ, start_response, MethodNotAllowed.status, body, headers)
        if self._token and not self._is_admitted(environ.get("HTTP_AUTHORIZATION", "")):
            # RFC 6750 §3: one answer for no token and for a wrong one.
            headers = [("WWW-Authenticate", "Bearer"), *answers.NO_STORE]
            return answers.answer_json(
                environ, start_response, TokenRejected.status, {"error": TokenRejected.code}, headers
            )
        text = exposition.render(self._sample())
        headers = [("Content-Type", exposition.MEDIA_TYPE), *answers.NO_STORE]
        return answers.answer(environ, start_response, 200, headers, text)

    def _is_admitted(self, authorization: str) -> bool:
        scheme, _, given = authorization.partition(" ")
        # A server hands headers over as Latin-1 (PEP 3333).
        is_token = hmac.compare_digest(given.strip(" ").encode("latin-1", "replace"), self._token)
        return scheme.lower() == "bearer" and is_token

    def _sample(self) -> Sample:
        with self._lock:
            self._look()
            statistics, is_fresh = self._statistics, self._is_fresh
        return Sample(statistics, is_fresh, self._age_seconds(), self._clock.now(), self._version)

    def _look(self) -> None:
        now = self._clock.monotonic()
        if self._read_at is not None and now - self._read_at < _FRESH_SECONDS:
            return
        try:
            self._statistics, self._is_fresh = self._read(), True
        except TemporarilyUnavailable:
            self._is_fresh = False
        self._read_at = now


def answer_not_found(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    """Answer what is asked for at the address of metrics and is none."""
    return answers.answer_json(environ, start_response, 404, {"error": "not_found"})
