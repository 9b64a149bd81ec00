"""Client authentication: who asks (RFC 6749 §2.3).

One mechanism a request. Unknown client, wrong secret, revoked secret, disabled client and a method
that is not registered give one answer, after the same work; after too many failures from an address
another one, again the same for all of them.
"""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

from issuer import hashing
from issuer.clock import Clock
from issuer.errors import InvalidClient, InvalidRequest, TooManyFailures
from issuer.issuing.lockout import Lockout
from issuer.model.client import SECRET_PREFIX, AuthMethod, ClientState
from issuer.model.permission import ClientRecord
from issuer.oauth import form
from issuer.oauth.form import Form

_LONGEST_CREDENTIAL = 1024
# Compared with when there is no client, so that the work is the same.
_NOBODY = hashing.hash_secret("nobody")
# No client_id that is made here has one character.
_NOBODYS_ID = "-"


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request says of who it is. Its repr holds no secret."""

    method: AuthMethod
    client_id: str
    secret: str

    def __repr__(self) -> str:
        return f"Credentials({self.method.value}, {self.client_id!r})"


class ClientAuthenticator:
    """Tells which registered client a request comes from."""

    def __init__(
        self,
        find_record: Callable[[str], ClientRecord | None],
        note_secret: Callable[[str, int], None],
        lockout: Lockout,
        clock: Clock,
    ) -> None:
        self._find_record = find_record
        self._note_secret = note_secret
        self._lockout = lockout
        self._clock = clock

    def authenticate(self, authorization: str | None, sent: Form, address: str) -> ClientRecord:
        """Return the record of the client that the request proves to be.

        authorization: the header as received, None if absent. address: where the request comes from.
        Raises InvalidRequest for credentials that are malformed or come twice, InvalidClient for all that
        do not prove anything, TooManyFailures instead once too many from that address did not.
        """
        credentials = read_credentials(authorization, sent)
        record = self._find_record(credentials.client_id)
        if record is not None and self._lockout.is_locked(record.client.key, address):
            self._fail(f"the client {record.client.client_id} is locked from this address", None, address)
        secret_id = self._find_secret(credentials, record)
        if record is None:
            self._fail(f"there is no client {_loggable(credentials.client_id)}", None, address)
        client = record.client
        if secret_id is None:
            # An unknown client is looked for in the database: so is nobody, or the time would tell.
            self._find_record(_NOBODYS_ID)
            self._fail(
                f"no usable secret of the client {client.client_id} was presented", client.key, address
            )
        # A good secret is no guess: a client that is enabled again must not find itself locked.
        if client.state is not ClientState.ACTIVE:
            self._fail(f"the client {client.client_id} is {client.state}", None, address)
        if client.auth_method is not credentials.method:
            self._fail(f"the client {client.client_id} is registered for {client.auth_method}", None, address)
        self._lockout.note_success(client.key, address)
        self._note_secret(secret_id, self._clock.now())
        return record

    def _fail(self, detail: str, client_key: int | None, address: str) -> NoReturn:
        seconds_left = self._lockout.note_failure(client_key, address)
        if seconds_left:
            raise TooManyFailures(detail, seconds_left)
        raise InvalidClient(detail)

    def _find_secret(self, credentials: Credentials, record: ClientRecord | None) -> str | None:
        presented = hashing.hash_secret(credentials.secret)
        found = None
        if record is None or not record.client.secrets:
            hashing.is_same_hash(presented, _NOBODY)
            return None
        now = self._clock.now()
        for secret in record.client.secrets:
            if hashing.is_same_hash(presented, secret.secret_hash) and secret.is_usable(now):
                found = secret.id
        return found


def read_credentials(authorization: str | None, sent: Form) -> Credentials:
    """Return the credentials of a request; raises InvalidRequest or, where there are none, InvalidClient."""
    body_id, body_secret = sent.single.get("client_id"), sent.single.get("client_secret")
    if authorization is not None:
        if body_secret is not None:
            raise InvalidRequest("client credentials come in the header and in the body")
        client_id, secret = _read_basic(authorization)
        if body_id is not None and body_id != client_id:
            raise InvalidRequest("the client_id in the body is not the one in the header")
        return Credentials(AuthMethod.CLIENT_SECRET_BASIC, client_id, secret)
    if body_id is None or body_secret is None:
        raise InvalidClient("the request holds no client credentials")
    if len(body_id) > _LONGEST_CREDENTIAL or len(body_secret) > _LONGEST_CREDENTIAL:
        raise InvalidClient("a credential is too long")
    return Credentials(AuthMethod.CLIENT_SECRET_POST, body_id, body_secret)


def _loggable(client_id: str) -> str:
    # Somebody who swaps the two fields must not find the secret in our log.
    return "with the identifier of a secret" if client_id.startswith(SECRET_PREFIX) else repr(client_id)


def _read_basic(authorization: str) -> tuple[str, str]:
    # RFC 6749 §2.3.1: both halves are urlencoded before they are joined (RFC 7617 does not say so).
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic" or len(encoded) > 4 * _LONGEST_CREDENTIAL:
        raise InvalidClient("the Authorization header is not a Basic one of sane length")
    try:
        text = base64.b64decode(encoded.strip(" "), validate=True).decode("ascii")
    except (binascii.Error, ValueError) as error:
        raise InvalidClient("the Basic credentials cannot be read") from error
    client_id, colon, secret = text.partition(":")
    if not colon or not client_id or not secret:
        raise InvalidClient("the Basic credentials are incomplete")
    return form.decode_component(client_id), form.decode_component(secret)
