"""A service verifies: libraries that nobody here wrote take the right token and refuse every other.

Each wrong token is signed with the server's own key (but where the key is what is wrong), so that it is
refused for that one thing. PyJWT, Authlib, joserfc and npm's jose fetch the keys over HTTP.
"""

import base64
import json
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import joserfc.errors
import jwt
import pytest
from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oauth2.rfc9068 import JWTBearerTokenValidator
from joserfc.jwk import KeySet
from joserfc.jwt import JWTClaimsRegistry
from joserfc.jwt import decode as joserfc_decode

from tests.flows import shop
from tests.flows.conftest import Shop
from tests.flows.tokens import WRONG, Forge
from tests.peers.node import NodePeers

REQUIRED = ["exp", "iat", "iss", "aud", "sub", "client_id", "jti"]


@dataclass(frozen=True, slots=True)
class Service:
    """A service as its team sets it up: whom it trusts, who it is, what it takes."""

    issuer: str
    audience: str
    alg: str
    typ: str


class RefusedError(Exception):
    """The library refused the token."""


Verify = Callable[[Service, str], Mapping]


def verify_with_pyjwt(service: Service, token: str) -> Mapping:
    try:
        if jwt.get_unverified_header(token).get("typ") != service.typ:
            raise RefusedError("typ")
        key = jwt.PyJWKClient(f"{service.issuer}/.well-known/jwks.json").get_signing_key_from_jwt(token)
        return jwt.decode(
            token,
            key,
            algorithms=[service.alg],
            audience=service.audience,
            issuer=service.issuer,
            options={"require": REQUIRED},
        )
    except jwt.PyJWTError as error:
        raise RefusedError(type(error).__name__) from error


def verify_with_authlib(service: Service, token: str) -> Mapping:
    class Validator(JWTBearerTokenValidator):
        def get_jwks(self) -> KeySet:
            return fetch_key_set(service.issuer)

    validator = Validator(issuer=service.issuer, resource_server=service.audience)
    try:
        claims = validator.authenticate_token(token)
        validator.validate_token(claims, [shop.SCOPE], None)
    except (OAuth2Error, joserfc.errors.JoseError) as error:
        raise RefusedError(type(error).__name__) from error
    if claims is None:
        raise RefusedError("no claims")
    return claims


def verify_with_joserfc(service: Service, token: str) -> Mapping:
    rules = {
        "iss": {"essential": True, "value": service.issuer},
        "aud": {"essential": True, "value": service.audience},
        "exp": {"essential": True},
        "sub": {"essential": True},
    }
    try:
        decoded = joserfc_decode(token, fetch_key_set(service.issuer), algorithms=[service.alg])
        JWTClaimsRegistry(**rules).validate(decoded.claims)
    except (joserfc.errors.JoseError, ValueError) as error:
        raise RefusedError(type(error).__name__) from error
    if decoded.header.get("typ") != service.typ:
        raise RefusedError("typ")
    return decoded.claims


def fetch_key_set(issuer: str) -> KeySet:
    with urllib.request.urlopen(f"{issuer}/.well-known/jwks.json", timeout=10) as answer:
        return KeySet.import_key_set(json.load(answer))


@pytest.fixture(scope="session")
def jose_service(node_peers: NodePeers) -> Iterator[subprocess.Popen]:
    """Give a running program of npm's jose that verifies a token a line."""
    module = node_peers.place(Path(__file__).with_name("jose_verify.mjs"))
    with subprocess.Popen(
        [node_peers.node, module], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        yield process
        process.stdin.close()
        process.wait(10)


@pytest.fixture
def verify_with_jose(jose_service: subprocess.Popen) -> Verify:
    """Give the verification by npm's jose."""

    def verify(service: Service, token: str) -> Mapping:
        jose_service.stdin.write(json.dumps({**asdict(service), "token": token}) + "\n")
        verdict = json.loads(jose_service.stdout.readline())
        if "refused" in verdict:
            raise RefusedError(verdict["refused"])
        return verdict["claims"]

    return verify


@pytest.fixture(params=["PyJWT", "Authlib", "joserfc", "npm jose"])
def verify(request: pytest.FixtureRequest) -> Verify:
    """Give the verification by each of the libraries."""
    by_name = {"PyJWT": verify_with_pyjwt, "Authlib": verify_with_authlib, "joserfc": verify_with_joserfc}
    return by_name.get(request.param) or request.getfixturevalue("verify_with_jose")


@pytest.fixture(params=["RS256", "ES256"])
def service(open_shop: Shop, request: pytest.FixtureRequest) -> Service:
    """Give a service for each algorithm, with the default typ."""
    audience = {"RS256": shop.ORDERS, "ES256": shop.SHIPPING}[request.param]
    return Service(open_shop.server.url, audience, request.param, "at+jwt")


@pytest.fixture
def right(open_shop: Shop, service: Service) -> str:
    """Give a token for the service, as the server issued it."""
    return open_shop.ask_token(service.audience)


def read_claims(token: str) -> dict:
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_right_token_is_taken(verify: Verify, service: Service, right: str, open_shop: Shop) -> None:
    """RFC 9068 §4: a service takes what is signed by its issuer, for it, and of the right type."""
    now = int(time.time())

    claims = verify(service, right)

    client_id = open_shop.account.client_id
    assert now - 60 < claims["iat"] <= now + 1
    assert {name: claims[name] for name in claims if name not in {"iat", "exp", "jti"}} == {
        "iss": service.issuer,
        "sub": client_id,
        "aud": service.audience,
        "client_id": client_id,
        "scope": shop.SCOPE,
    }
    assert claims["exp"] - claims["iat"] == 900


@pytest.mark.parametrize("wrong", WRONG)
def test_wrong_token_is_refused(
    verify: Verify, service: Service, right: str, open_shop: Shop, wrong: str
) -> None:
    """RFC 9068 §4, RFC 8725 §3: signature, alg, typ, iss, aud and exp are all looked at."""
    forge = Forge(open_shop.server.environment, service.alg)
    token = forge.make(wrong, read_claims(right), service.typ)

    with pytest.raises(RefusedError):
        verify(service, token)


def test_what_the_forge_signs_without_a_fault_is_taken(
    verify: Verify, service: Service, right: str, open_shop: Shop
) -> None:
    """Without this, the refusals above could all be for want of a good signature."""
    forge = Forge(open_shop.server.environment, service.alg)

    claims = verify(service, forge.sign(read_claims(right), service.typ))

    assert claims["aud"] == service.audience


class TestAnAudienceOfTypJwt:
    """For services that cannot take at+jwt: the same token under the typ that everyone takes."""

    @pytest.fixture
    def service(self, open_shop: Shop) -> Service:
        """Give a service whose audience was set to typ JWT."""
        return Service(open_shop.server.url, shop.LEGACY, "RS256", "JWT")

    @pytest.fixture(params=["PyJWT", "joserfc", "npm jose"])
    def verify(self, request: pytest.FixtureRequest) -> Verify:
        """Give the verification by each library that can be told which typ to take."""
        by_name = {"PyJWT": verify_with_pyjwt, "joserfc": verify_with_joserfc}
        return by_name.get(request.param) or request.getfixturevalue("verify_with_jose")

    def test_right_token_is_taken(self, verify: Verify, service: Service, right: str) -> None:
        assert verify(service, right)["aud"] == shop.LEGACY

    @pytest.mark.parametrize("wrong", WRONG)
    def test_wrong_token_is_refused(
        self, verify: Verify, service: Service, right: str, open_shop: Shop, wrong: str
    ) -> None:
        forge = Forge(open_shop.server.environment, service.alg)
        token = forge.make(wrong, read_claims(right), service.typ)

        with pytest.raises(RefusedError):
            verify(service, token)

    def test_service_that_demands_the_default_typ_refuses_it(self, service: Service, right: str) -> None:
        """RFC 9068 §4: Authlib's validator takes at+jwt and nothing else."""
        with pytest.raises(RefusedError):
            verify_with_authlib(service, right)


@pytest.fixture(scope="module", autouse=True)
def no_proxy() -> Iterator[None]:
    """Let the libraries reach 127.0.0.1 directly, whatever proxy the environment names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("no_proxy", "127.0.0.1")
        yield
