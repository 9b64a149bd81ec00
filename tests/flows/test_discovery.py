"""A service finds the keys: from the issuer's URL to the metadata to the JWKS, and keeps them."""

import pytest

from tests.flows.conftest import Shop

WELL_KNOWN = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"]


@pytest.mark.parametrize("path", WELL_KNOWN)
def test_metadata_tells_what_there_is(open_shop: Shop, path: str) -> None:
    """RFC 8414 §3.2; verifiers read the one address or the other."""
    url = open_shop.server.url

    answer = open_shop.server.send("GET", path)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["issuer"] == url
    assert answer.json["token_endpoint"] == f"{url}/oauth/token"
    assert answer.json["jwks_uri"] == f"{url}/.well-known/jwks.json"


def test_key_set_holds_one_key_of_each_algorithm_and_nothing_private(open_shop: Shop) -> None:
    """RFC 7517 §5; of RSA and EC keys the public members only (RFC 7518 §6)."""
    answer = open_shop.server.send("GET", "/.well-known/jwks.json")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/jwk-set+json"
    assert {key["alg"]: sorted(key) for key in answer.json["keys"]} == {
        "RS256": ["alg", "e", "kid", "kty", "n", "use"],
        "ES256": ["alg", "crv", "kid", "kty", "use", "x", "y"],
    }


def test_key_set_may_be_kept_for_five_minutes(open_shop: Shop) -> None:
    answer = open_shop.server.send("GET", "/.well-known/jwks.json")

    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("path", ["/.well-known/jwks.json", *WELL_KNOWN])
def test_who_has_the_document_gets_304_without_a_body(open_shop: Shop, path: str) -> None:
    """RFC 9110 §15.4.5; both workers agree on the ETag, so it holds whoever answers."""
    first = open_shop.server.send("GET", path)

    answers = [
        open_shop.server.send("GET", path, headers={"If-None-Match": first.headers["etag"]})
        for _ in range(16)
    ]

    assert {answer.status for answer in answers} == {304}
    assert {answer.body for answer in answers} == {b""}
    assert {answer.headers["etag"] for answer in answers} == {first.headers["etag"]}


def test_head_tells_the_length_of_what_get_would_send(open_shop: Shop) -> None:
    """RFC 9110 §9.3.2."""
    got = open_shop.server.send("GET", "/.well-known/jwks.json")

    answer = open_shop.server.send("HEAD", "/.well-known/jwks.json")

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-length"] == str(len(got.body))
    assert answer.headers["etag"] == got.headers["etag"]
