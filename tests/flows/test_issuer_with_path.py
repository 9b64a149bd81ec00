"""An issuer with a path: ISSUER_URL ends in /auth, the server takes whole paths, a proxy strips nothing."""

from collections.abc import Iterator

import jwt
import pytest

from tests.flows import servers, shop
from tests.flows.servers import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Give a server below /auth."""
    folder = tmp_path_factory.mktemp("path")
    environment = servers.make_environment(folder)
    environment["ISSUER_URL"] += "/auth"
    with servers.running(folder, environment, ready="/auth/readyz") as server:
        yield server


@pytest.mark.parametrize(
    "path",
    [
        "/auth/.well-known/openid-configuration",
        "/auth/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/auth",
        "/.well-known/openid-configuration/auth",
    ],
)
def test_metadata_is_found_in_either_form(server: Server, path: str) -> None:
    """RFC 8414 §3.1 inserts; OpenID Connect Discovery §4 appends."""
    metadata = server.send("GET", path).json

    assert metadata["issuer"] == server.url
    assert metadata["token_endpoint"] == f"{server.url}/oauth/token"


def test_token_of_it_verifies(server: Server) -> None:
    account = shop.open_shop(server.environment)
    body, headers = servers.token_request(account.client_id, account.secret, resource=shop.ORDERS)

    token = server.send("POST", "/auth/oauth/token", body, headers).json["access_token"]

    key = jwt.PyJWKClient(f"{server.url}/.well-known/jwks.json").get_signing_key_from_jwt(token)
    claims = jwt.decode(token, key, algorithms=["RS256"], audience=shop.ORDERS, issuer=server.url)
    assert claims["client_id"] == account.client_id


@pytest.mark.parametrize("path", ["/oauth/token", "/.well-known/jwks.json", "/authority/healthz"])
def test_nothing_lies_beside_it(server: Server, path: str) -> None:
    assert server.send("GET", path).status == 404
