"""Authlib's authorization server, fed with our request and held to our rules.

Authlib finds the grant and leads it through its steps. What it would decide by itself (client
authentication, scopes, lifetimes, token generators, error texts) is decided in our rooms: its
defaults let in what RFC 6749 and RFC 9700 keep out.
"""

from collections.abc import Mapping

from authlib.oauth2.rfc6749 import AuthorizationServer, OAuth2Error

from issuer import errors
from issuer.issuing.rates import Rates
from issuer.model.client import Client
from issuer.model.permission import ClientRecord
from issuer.oauth.client_auth import ClientAuthenticator
from issuer.oauth.request import TokenRequest

Answer = tuple[int, bytes]

_REFUSALS: Mapping[str, type[errors.TokenRefusal]] = {
    refusal.code: refusal
    for refusal in (
        errors.InvalidRequest,
        errors.InvalidClient,
        errors.InvalidGrant,
        errors.UnauthorizedClient,
        errors.UnsupportedGrantType,
        errors.InvalidScope,
    )
}


class AuthenticatedClient:
    """A registered client under the methods that Authlib's grants call."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def check_grant_type(self, grant_type: str) -> bool:
        """Return whether the client is registered for a grant type."""
        return grant_type in self.client.grant_types


class TokenServer(AuthorizationServer):
    """The token endpoint's half of an authorization server."""

    def __init__(self, authenticator: ClientAuthenticator, rates: Rates) -> None:
        super().__init__()
        self._authenticator = authenticator
        self._rates = rates

    # The requests that reach these methods are all made by the token endpoint.
    def create_oauth2_request(self, request: TokenRequest) -> TokenRequest:
        """Return the request as it stands: it is made before Authlib sees it."""
        return request

    def authenticate_client(  # type: ignore[override] # our request and our client, not Authlib's mixins
        self, request: TokenRequest, methods: object, endpoint: str = "token"
    ) -> AuthenticatedClient:
        """Return the client that the request proves to be; raises our own refusals."""
        del methods, endpoint  # what the client is registered for decides
        context = request.context
        record = self._authenticator.authenticate(request.authorization, request.form_sent, context.address)
        request.record = record
        context.client = record.client
        self._rates.take(record.client)
        return AuthenticatedClient(record.client)

    def send_signal(self, name: str, *args: object, **kwargs: object) -> None:
        """Send nothing: the order of steps is a visible list, not signals."""

    def handle_response(  # type: ignore[override] # our grants give a body that is written already
        self, status: int, body: bytes, headers: object
    ) -> Answer:
        """Return status and body; the endpoint sets the headers."""
        del headers
        return status, body

    def handle_error_response(  # type: ignore[override] # our request
        self, request: TokenRequest, error: OAuth2Error
    ) -> Answer:
        """Raise our refusal of the same code: constant words, nothing of the request in them."""
        del request
        raise _REFUSALS.get(error.error or "", errors.InvalidRequest)(f"Authlib: {error.error}") from error


def record_of(request: TokenRequest) -> ClientRecord:
    """Return the record of the authenticated client; raises InvalidClient if there is none."""
    if request.record is None:
        raise errors.InvalidClient("the grant did not authenticate its client")
    return request.record
