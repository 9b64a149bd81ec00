"""The refresh token grant (RFC 6749 §6)."""

from authlib.oauth2.rfc6749 import grants

from issuer.errors import InvalidRequest
from issuer.issuing.rotation import Rotation
from issuer.oauth import server
from issuer.oauth.answer import success
from issuer.oauth.request import TokenRequest


def make_grant(rotation: Rotation) -> type[grants.RefreshTokenGrant]:
    """Return the grant class that Authlib registers, exchanging with `rotation`."""

    class RefreshToken(grants.RefreshTokenGrant):
        """Authlib picks the grant; its own token look-up, scope check and two-step saving are not used."""

        request: TokenRequest

        def validate_token_request(self) -> None:
            """Authenticate the client; everything else is decided by the rotation, before it writes."""
            self.authenticate_token_endpoint_client()

        def create_token_response(  # type: ignore[override] # the stub says str for the body
            self,
        ) -> tuple[int, bytes, list[tuple[str, str]]]:
            """Return the answer with the successor and a new access token."""
            request = self.request
            token = request.form_sent.single.get("refresh_token")
            if token is None:
                raise InvalidRequest("refresh_token is missing")
            tokens = rotation.rotate(token, request.targets, server.record_of(request), request.context)
            return 200, success(tokens), []

    return RefreshToken
