"""Client authentication: who asks (RFC 6749 §2.3).

One mechanism a request. Unknown client, wrong secret, revoked secret, disabled client and a method
that is not registered give one answer, after the same work; after too many failures from an address
another one, again the same for all of them.
"""

from collections.abc import Callable
from typing import NoReturn

from issuer import hashing
from issuer.clock import Clock
from issuer.errors import InvalidClient, TooManyFailures
from issuer.issuing.lockout import Lockout
from issuer.model.client import SECRET_PREFIX, ClientState
from issuer.model.permission import ClientRecord
from issuer.oauth.credentials import Credentials, CredentialsReader
from issuer.oauth.form import Form

# Compared with when there is no client, so that the work is the same.
_NOBODY = hashing.hash_secret("nobody")
# No client_id that is made here has one character.
_NOBODYS_ID = "-"


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
        self._credentials = CredentialsReader()

    def authenticate(self, authorization: str | None, sent: Form, address: str) -> ClientRecord:
        """Return the record of the client that the request proves to be.

        authorization: the header as received, None if absent. address: where the request comes from.
        Raises InvalidRequest for credentials that are malformed or come twice, InvalidClient for all that
        do not prove anything, TooManyFailures instead once too many from that address did not.
        """
        credentials = self._credentials.read(authorization, sent)
        record = self._find_record(credentials.client_id)
        is_locked = record is not None and self._lockout.is_locked(record.client.key, address)
        secret_id = self._find_secret(credentials, None if is_locked else record)
        if record is None:
            self._fail(f"there is no client {_loggable(credentials.client_id)}", None, address)
        client = record.client
        if secret_id is None:
            # An unknown client is looked for in the database: so is nobody, or the time would tell.
            self._find_record(_NOBODYS_ID)
            if is_locked:
                self._fail(f"the client {client.client_id} is locked from this address", None, address)
            self._fail(
                f"no usable secret of the client {client.client_id} was presented", client.key, address
            )
        # A good secret is no guess: a client that is enabled again must not find itself locked.
        if client.state is not ClientState.ACTIVE:
            self._fail(f"the client {client.client_id} is {client.state}", None, address)
        if client.auth_method is not credentials.method:
            self._fail(f"the client {client.client_id} is registered for {client.auth_method}", None, address)
        self._credentials.keep(credentials)
        self._lockout.note_success(client.key, address)
        self._note_secret(secret_id, self._clock.now())
        return record

    def _fail(self, detail: str, client_key: int | None, address: str) -> NoReturn:
        seconds_left = self._lockout.note_failure(client_key, address)
        if seconds_left:
            raise TooManyFailures(detail, seconds_left)
        raise InvalidClient(detail)

    def _find_secret(self, credentials: Credentials, record: ClientRecord | None) -> str | None:
        presented = credentials.secret_hash
        found = None
        if record is None or not record.client.secrets:
            hashing.is_same_hash(presented, _NOBODY)
            return None
        now = self._clock.now()
        for secret in record.client.secrets:
            if hashing.is_same_hash(presented, secret.secret_hash) and secret.is_usable(now):
                found = secret.id
        return found


def _loggable(client_id: str) -> str:
    # Somebody who swaps the two fields must not find the secret in our log.
    return "with the identifier of a secret" if client_id.startswith(SECRET_PREFIX) else repr(client_id)
