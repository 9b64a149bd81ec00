"""The endpoints for programs: which application answers at which address."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import urlsplit

from issuer import health
from issuer.answers import Application
from issuer.errors import Refusal
from issuer.front import Route
from issuer.issuing.introspection import Introspector
from issuer.issuing.rates import Rates
from issuer.issuing.revocation import Revoker
from issuer.metrics import endpoint as metrics
from issuer.metrics.timed import Timed
from issuer.model.jwks_fetch import MAIN_DOCUMENT
from issuer.model.signing_key import TOKEN_ALGS, KeyPurpose
from issuer.oauth import jwks, metadata, presented_token, token
from issuer.oauth.client_auth import ClientAuthenticator
from issuer.oauth.documents import DocumentEndpoint
from issuer.oauth.endpoint import FormEndpoint
from issuer.oauth.grants import client_credentials, refresh_token
from issuer.oauth.server import TokenServer
from issuer.pages.landing import Address
from issuer.parts import Parts


def list_routes(parts: Parts) -> list[Route]:
    """Return the route of every endpoint."""
    key_set = DocumentEndpoint(
        jwks.Jwks(parts.keyring.list_published, parts.clock).find_document,
        jwks.MEDIA_TYPE,
        partial(parts.fetches.note, MAIN_DOCUMENT),
    )
    own_key_sets = jwks.OwnJwks(parts.keyring, parts.clock, parts.fetches.note)
    described = metadata.Metadata(parts.settings.url, parts.keyring, parts.clock)
    document = DocumentEndpoint(described.find_document, "application/json")
    ready = health.Readiness(
        {"registry": lambda: not parts.cache.is_stale, "signing keys": lambda: _has_signers(parts)}
    )
    return [
        *_list_form_routes(parts),
        Route(metadata.JWKS_PATH, key_set),
        Route(metadata.OWN_JWKS_PATTERN, own_key_sets, is_pattern=True),
        *(
            Route(f"/.well-known/{name}", document, inserted=name)
            for name in (metadata.AUTHORIZATION_SERVER, metadata.OPENID_CONFIGURATION)
        ),
        Route("/healthz", health.answer_alive),
        Route("/readyz", ready),
        *([Route(metrics.PATH, parts.metrics)] if parts.settings.metrics_token else []),
    ]


def list_addresses(url: str) -> Iterator[Address]:
    """Yield the addresses that people are shown."""
    yield Address("Token endpoint", url + metadata.TOKEN_PATH, "clients ask for tokens here")
    yield Address("Key set (JWKS)", url + metadata.JWKS_PATH, "services verify tokens with these keys")
    yield Address(
        "Introspection", url + metadata.INTROSPECTION_PATH, "services ask whether a token is active"
    )
    yield Address("Revocation", url + metadata.REVOCATION_PATH, "clients end what they no longer need")
    yield Address("Metadata", _well_known(url, metadata.AUTHORIZATION_SERVER), "all of this for programs")
    yield Address("For OpenID", _well_known(url, metadata.OPENID_CONFIGURATION), "the same document")


def _list_form_routes(parts: Parts) -> list[Route]:
    url, find_record = parts.settings.url, parts.cache.find_record
    authenticator = ClientAuthenticator(find_record, parts.usage.note_secret, parts.lockout, parts.clock)
    rates = Rates(parts.settings.client_requests_per_second, parts.settings.client_burst, parts.clock)
    server = TokenServer(authenticator, rates)
    server.register_grant(client_credentials.make_grant(parts.mint))
    server.register_grant(refresh_token.make_grant(parts.rotation))
    introspector = Introspector(url, parts.engine, parts.keyring, parts.clock, find_record)
    revoker = Revoker(url, parts.engine, parts.keyring, parts.recorder, parts.clock)
    acts = {
        metadata.TOKEN_PATH: token.answer_with(server),
        metadata.INTROSPECTION_PATH: presented_token.introspect_with(introspector, authenticator),
        metadata.REVOCATION_PATH: presented_token.revoke_with(revoker, authenticator),
    }
    endpoints: dict[str, Application] = {
        path: FormEndpoint(act, parts.recorder, parts.clock, parts.cache.describe_targets)
        for path, act in acts.items()
    }
    endpoints[metadata.TOKEN_PATH] = Timed(
        endpoints[metadata.TOKEN_PATH], parts.clock, parts.usage.note_duration
    )
    return [Route(path, endpoint) for path, endpoint in endpoints.items()]


def _has_signers(parts: Parts) -> bool:
    now = parts.clock.now()
    try:
        for alg in TOKEN_ALGS:
            parts.keyring.signer(KeyPurpose.TOKEN, alg, now)
    except Refusal:
        return False
    return True


def _well_known(url: str, name: str) -> str:
    """Return the address of a metadata document: inserted before the issuer's path (RFC 8414 §3.1)."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/.well-known/{name}{parts.path}"
