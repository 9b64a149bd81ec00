"""The metadata: both well-known addresses tell one truth, and only what exists (RFC 8414, OIDC Discovery)."""

import pytest

from tests.oauth.world import FORM, ISSUER, World, assert_headers, encode

OAUTH = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
BOTH = pytest.mark.parametrize("path", [OAUTH, OPENID])
PATHED = "https://x.example/auth"


@BOTH
def test_it_tells_what_exists_and_nothing_else(town: World, path: str):
    """RFC 8414 §2."""
    answer = town.send("GET", path)

    assert answer.status == 200
    assert answer.json == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/oauth/token",
        "introspection_endpoint": f"{ISSUER}/oauth/introspect",
        "introspection_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "revocation_endpoint": f"{ISSUER}/oauth/revoke",
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "jwks_uri": f"{ISSUER}/.well-known/jwks.json",
        "grant_types_supported": ["client_credentials", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
    }
    assert_headers(
        answer,
        {
            "Content-Type": "application/json",
            "Cache-Control": "public, max-age=300",
            "ETag": answer.headers["ETag"],
            "Access-Control-Allow-Origin": "*",
            "X-Content-Type-Options": "nosniff",
        },
    )


def test_both_addresses_give_the_same_bytes(town: World):
    oauth, openid = town.send("GET", OAUTH), town.send("GET", OPENID)

    assert oauth.body == openid.body
    assert oauth.headers["ETag"] == openid.headers["ETag"]


@BOTH
def test_the_issuer_is_the_iss_of_the_tokens(town: World, resident, path: str):
    """RFC 8414 §3.3: compared byte for byte."""
    assert town.send("GET", path).json["issuer"] == town.ask(resident).claims["iss"]


@BOTH
def test_who_has_it_gets_304(town: World, path: str):
    etag = town.send("GET", path).headers["ETag"]

    assert town.send("GET", path, headers={"If-None-Match": etag}).status == 304


@BOTH
@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(town: World, path: str, method: str):
    answer = town.send(method, path, data=b"", content_type=FORM)

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


def test_every_address_it_names_answers(town: World):
    """Only what exists is advertised."""
    named = [url for url in town.send("GET", OAUTH).json.values() if str(url).startswith(f"{ISSUER}/")]

    statuses = {url: town.send("GET", url.removeprefix(ISSUER)).status for url in named}

    posted = {f"{ISSUER}/oauth/{name}": 405 for name in ("token", "introspect", "revoke")}
    assert statuses == {**posted, f"{ISSUER}/.well-known/jwks.json": 200}


@pytest.mark.parametrize("host", ["evil.example", "id.example:444", "localhost"])
def test_the_host_of_the_request_changes_nothing(town: World, host: str):
    """Issuer and links are never derived from a request (Zitadel GHSA-93m4, CVE-2025-64101)."""
    answer = town.send("GET", OPENID, headers={"Host": host, "X-Forwarded-Host": host})

    assert answer.body == town.send("GET", OPENID).body


@pytest.fixture
def under_path(open_world, short_cut: str) -> World:
    """Give a world whose issuer is https://x.example/auth; the proxy strips nothing."""
    return open_world(url=PATHED, short_cut=short_cut)


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-authorization-server/auth",
        "/.well-known/openid-configuration/auth",
        "/auth/.well-known/oauth-authorization-server",
        "/auth/.well-known/openid-configuration",
    ],
)
def test_an_issuer_with_a_path_is_found_inserted_and_appended(under_path: World, path: str):
    """RFC 8414 §3.1; many verifiers only know the appended form."""
    answer = under_path.send("GET", path)

    assert answer.status == 200
    assert answer.json["issuer"] == PATHED
    assert answer.json["token_endpoint"] == f"{PATHED}/oauth/token"
    assert answer.json["jwks_uri"] == f"{PATHED}/.well-known/jwks.json"


def test_an_issuer_with_a_path_answers_under_it(under_path: World):
    under_path.add_audience("orders")
    client = under_path.add_client("Robot", "orders")

    answer = under_path.post(encode({}), {"Authorization": client.basic}, path="/auth/oauth/token")

    assert answer.claims["iss"] == PATHED
    assert under_path.send("GET", "/auth/.well-known/jwks.json").status == 200
    assert under_path.send("GET", "/auth/healthz").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/oauth/token",
        "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/",
        "/.well-known/openid-configuration/auth/",
        "/.well-known/jwks.json/auth",
        "/authx/oauth/token",
        "/AUTH/oauth/token",
        "//auth/oauth/token",
        "/auth//oauth/token",
        "/auth//healthz",
        "/healthz",
    ],
)
def test_nothing_of_an_issuer_with_a_path_lies_outside_it(under_path: World, path: str):
    answer = under_path.send("GET", "/", environ_overrides={"PATH_INFO": path})

    assert answer.status == 404
    assert "Location" not in answer.headers


def test_an_unknown_page_under_the_path_is_a_page(under_path: World):
    answer = under_path.send("GET", "/auth/nowhere")

    assert answer.status == 404
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration/auth", "/auth/oauth/token"])
def test_an_issuer_without_a_path_has_no_inserted_addresses(town: World, path: str):
    assert town.send("GET", path).status == 404
