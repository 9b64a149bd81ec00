"""The client credentials grant (RFC 6749 §4.4)."""

from authlib.oauth2.rfc6749 import grants

from issuer.issuing.mint import Mint
from issuer.oauth import server
from issuer.oauth.answer import success
from issuer.oauth.request import TokenRequest


def make_grant(mint: Mint) -> type[grants.ClientCredentialsGrant]:
    """Return the grant class that Authlib registers, minting with `mint`."""

    class ClientCredentials(grants.ClientCredentialsGrant):
        """Authlib leads through authentication and grant type; the mint decides and signs."""

        request: TokenRequest

        def create_token_response(  # type: ignore[override] # the stub says str for the body
            self,
        ) -> tuple[int, bytes, list[tuple[str, str]]]:
            """Return the answer with a freshly minted token."""
            request = self.request
            tokens = mint.mint_for_client(request.targets, server.record_of(request), request.context)
            return 200, success(tokens), []

    return ClientCredentials
