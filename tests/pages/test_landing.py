"""The page at `/`."""

import json

import pytest

from tests.oauth.world import ISSUER
from tests.pages.conftest import Visitor


def test_it_tells_what_this_is_where_and_with_which_keys(visitor: Visitor):
    published = json.loads(visitor.open("/.well-known/jwks.json").data)["keys"]

    answer = visitor.open("/", "nobody")

    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    for path in ("/oauth/token", "/oauth/introspect", "/oauth/revoke", "/.well-known/jwks.json"):
        assert f'data-copy="{ISSUER}{path}"' in answer.text
    for key in published:
        assert key["kid"] in answer.text
        assert f'data-label="Algorithm">{key["alg"]}<' in answer.text
    assert "issuer 0.1.0" in answer.text


def test_it_does_not_lead_to_the_console(visitor: Visitor):
    assert "/admin" not in visitor.open("/", "nobody").text


def test_every_address_on_it_is_one_of_the_metadata(visitor: Visitor):
    described = json.loads(visitor.open("/.well-known/oauth-authorization-server").data)
    expected = {value for name, value in described.items() if name.endswith(("_endpoint", "_uri"))}

    page = visitor.open("/").text

    assert all(f'data-copy="{url}"' in page for url in expected)


@pytest.mark.parametrize("path", ["/auth", "/auth/"])
def test_an_issuer_with_a_path_shows_it_there(open_world, path: str):
    world = open_world(url="https://x.example/auth")

    answer = world.send("GET", path)

    assert answer.status == 200
    assert b'href="/auth/static/' in answer.body
    assert b"https://x.example/.well-known/openid-configuration/auth" in answer.body
    assert world.send("GET", "/").status == 404
