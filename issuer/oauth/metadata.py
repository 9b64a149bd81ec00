"""The authorization server's metadata (RFC 8414 §2, OpenID Connect Discovery §3).

One document for both well-known addresses: many verifiers read only the OpenID one. It names what
exists and nothing else. `response_types_supported` is required (RFC 8414 §2) and empty: there is no
authorization endpoint yet, so no response type works.
"""

from collections.abc import Mapping

from issuer.clock import Clock
from issuer.issuing.keyring import Keyring
from issuer.model.client import AuthMethod, GrantType
from issuer.oauth.documents import Document

TOKEN_PATH = "/oauth/token"  # noqa: S105 - a path, not a password
INTROSPECTION_PATH = "/oauth/introspect"
REVOCATION_PATH = "/oauth/revoke"
JWKS_PATH = "/.well-known/jwks.json"
OWN_JWKS_PATTERN = "/.well-known/jwks/<int:audience_id>.json"
AUTHORIZATION_SERVER = "oauth-authorization-server"
OPENID_CONFIGURATION = "openid-configuration"


class Metadata:
    """The metadata as a document, made anew only when the algorithms of the published keys change."""

    def __init__(self, issuer_url: str, keyring: Keyring, clock: Clock) -> None:
        self._issuer_url = issuer_url
        self._keyring = keyring
        self._clock = clock
        # Swapped as one, as in Jwks.
        self._made: tuple[tuple[str, ...] | None, Document] = (None, Document.of({}))

    def find_document(self) -> Document:
        """Return the metadata as it is now."""
        published = self._keyring.list_published(self._clock.now())
        algs = tuple(sorted({key["alg"] for key in published}, reverse=True))
        made_of, document = self._made
        if algs != made_of:
            document = Document.of(_content(self._issuer_url, algs))
            self._made = (algs, document)
        return document


def _content(issuer_url: str, algs: tuple[str, ...]) -> Mapping[str, object]:
    methods = [method.value for method in AuthMethod]
    return {
        "issuer": issuer_url,
        "token_endpoint": issuer_url + TOKEN_PATH,
        "introspection_endpoint": issuer_url + INTROSPECTION_PATH,
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint": issuer_url + REVOCATION_PATH,
        "revocation_endpoint_auth_methods_supported": methods,
        "jwks_uri": issuer_url + JWKS_PATH,
        "grant_types_supported": [grant_type.value for grant_type in GrantType],
        "token_endpoint_auth_methods_supported": methods,
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        # Verifiers such as go-oidc take the algorithms they allow from here.
        "id_token_signing_alg_values_supported": list(algs),
    }
