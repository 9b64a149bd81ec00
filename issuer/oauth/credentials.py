"""Credentials: what a request says of who it is (RFC 6749 §2.3.1); whether it is true is told elsewhere."""

import base64
import binascii
import threading
from dataclasses import dataclass, field
from typing import Final

from issuer import hashing
from issuer.errors import InvalidClient, InvalidRequest
from issuer.model.client import AuthMethod
from issuer.oauth import form
from issuer.oauth.form import Form

LONGEST: Final = 1024
MOST_KEPT: Final = 4096
LONGEST_KEPT: Final = 512


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of who it is.

    secret_hash: of the secret it presents, which is not kept. header_digest: of the header that said so,
    None for credentials in the body and for long headers.
    """

    method: AuthMethod
    client_id: str
    secret_hash: bytes = field(repr=False)
    header_digest: bytes | None = field(default=None, repr=False)


class CredentialsReader:
    """Reads credentials, and remembers what the headers that proved true last said, by their digest.

    What is remembered saves the reading and nothing else: whether it is still true is asked each time.
    A digest of a header with 256 random bits in it tells nothing of them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[bytes, Credentials] = {}

    def read(self, authorization: str | None, sent: Form) -> Credentials:
        """Return the credentials of a request.

        authorization: the header as received, None if absent. Raises InvalidRequest or, where there are no
        credentials, InvalidClient.
        """
        body_id, body_secret = sent.single.get("client_id"), sent.single.get("client_secret")
        if authorization is not None:
            if body_secret is not None:
                raise InvalidRequest("client credentials come in the header and in the body")
            credentials = self._read_header(authorization)
            if body_id is not None and body_id != credentials.client_id:
                raise InvalidRequest("the client_id in the body is not the one in the header")
            return credentials
        if body_id is None or body_secret is None:
            raise InvalidClient("the request holds no client credentials")
        if len(body_id) > LONGEST or len(body_secret) > LONGEST:
            raise InvalidClient("a credential is too long")
        return Credentials(AuthMethod.CLIENT_SECRET_POST, body_id, hashing.hash_secret(body_secret))

    def keep(self, credentials: Credentials) -> None:
        """Remember what a header said.

        Called for known clients alone: nobody else makes the server remember.
        """
        digest = credentials.header_digest
        if digest is None or digest in self._kept:
            return
        with self._lock:
            if len(self._kept) >= MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[digest] = credentials

    def _read_header(self, authorization: str) -> Credentials:
        if len(authorization) > LONGEST_KEPT:
            return _read_basic(authorization, None)
        digest = hashing.hash_secret(authorization)
        return self._kept.get(digest) or _read_basic(authorization, digest)


def _read_basic(authorization: str, digest: bytes | None) -> Credentials:
    # RFC 6749 §2.3.1: both halves are urlencoded before they are joined (RFC 7617 does not say so).
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 4 * LONGEST:
        raise InvalidClient("the Authorization header is not a Basic one of sane length")
    try:
        text = base64.b64decode(encoded.strip(" "), validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient("the Basic credentials cannot be read") from error
    client_id, colon, secret = text.partition(":")
    if not colon or not client_id or not secret:
        raise InvalidClient("the Basic credentials are incomplete")
    client_id, secret = form.decode_component(client_id), form.decode_component(secret)
    return Credentials(AuthMethod.CLIENT_SECRET_BASIC, client_id, hashing.hash_secret(secret), digest)
