"""One HTTP request as a client of this server sends it: TLS verified, redirects not followed."""

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from issuer.clock import Clock
from issuer.errors import Unreachable

TIMEOUT_SECONDS: Final = 5
MOST_BYTES: Final = 1_000_000

# The first that fits counts; several are kinds of those below them.
_FAULTS: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (
        socket.gaierror,
        "Its name cannot be resolved from here.",
        "Add it to DNS, or run this where clients are.",
    ),
    (
        ssl.SSLError,
        "It does not speak TLS as it should.",
        "Let a proxy end TLS at this address: this server itself speaks plain HTTP.",
    ),
    (
        TimeoutError,
        f"It does not answer within {TIMEOUT_SECONDS} seconds.",
        "Look for a firewall in between, or a server that hangs.",
    ),
    (
        ConnectionRefusedError,
        "Nothing listens there.",
        "Start the server or its proxy, or mend ISSUER_URL or ISSUER_BIND.",
    ),
    (
        http.client.HTTPException,
        "What listens there does not answer in HTTP.",
        "Look whether the port speaks TLS while ISSUER_URL says http, or is another program's.",
    ),
    (
        ConnectionError,
        "It closes the connection without an answer.",
        "Look at the proxy's log, and whether the port speaks TLS while ISSUER_URL says http.",
    ),
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer. headers: by name in lower case. began_at, ended_at: epoch seconds here."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    began_at: int
    ended_at: int

    @property
    def is_ours(self) -> bool:
        """Whether this server answered, and not something in front of it: every answer of ours has one."""
        return "x-request-id" in self.headers


class Fetcher:
    """Sends requests, directly: a proxy that the environment names is not what clients go through."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # These two handlers alone: no file is ever read, no redirect followed, and no status is an error.
        self._opener = urllib.request.OpenerDirector()
        self._opener.add_handler(urllib.request.HTTPHandler())
        self._opener.add_handler(urllib.request.HTTPSHandler(context=ssl.create_default_context()))

    def get(self, url: str) -> Fetched:
        """Return the answer to a GET; raises Unreachable."""
        return self._send(urllib.request.Request(url))  # noqa: S310 - no handler takes other schemes

    def post(self, url: str, form: bytes, headers: Mapping[str, str]) -> Fetched:
        """Return the answer to a form that is posted; raises Unreachable."""
        return self._send(urllib.request.Request(url, form, dict(headers)))  # noqa: S310 - as above

    def _send(self, request: urllib.request.Request) -> Fetched:
        request.add_header("User-Agent", "issuer-doctor")
        began_at = self._clock.now()
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as response:
                body = self._read_body(response)
                status, sent = response.status, response.headers
        except urllib.error.URLError as error:
            raise _tell(error.reason) from error
        except (OSError, http.client.HTTPException) as error:
            raise _tell(error) from error
        if len(body) > MOST_BYTES:
            raise Unreachable(
                "The answer is over a megabyte: none of this server is.", "Look at what answers there."
            )
        headers = {name.lower(): value for name, value in sent.items()}
        return Fetched(status, headers, body, began_at, self._clock.now())

    def _read_body(self, response: http.client.HTTPResponse) -> bytes:
        """Return the body, or its beginning if it is too long; raises TimeoutError if it takes too long."""
        # The timeout of a connection is one for each piece of the answer.
        until = self._clock.monotonic() + TIMEOUT_SECONDS
        body = b""
        while len(body) <= MOST_BYTES and (piece := response.read1(MOST_BYTES + 1 - len(body))):
            body += piece
            if self._clock.monotonic() > until:
                raise TimeoutError
        return body


def _tell(reason: object) -> Unreachable:
    if isinstance(reason, ssl.SSLCertVerificationError):
        return Unreachable(
            f"Its certificate is not good: {reason.verify_message}.",
            "Give the proxy a certificate for this host name, with the whole chain, from an authority that "
            "clients trust (SSL_CERT_FILE names another one).",
        )
    for kind, sentence, mend in _FAULTS:
        if isinstance(reason, kind):
            return Unreachable(sentence, mend)
    return Unreachable(f"It cannot be reached: {type(reason).__name__}.", "Look at the network in between.")
