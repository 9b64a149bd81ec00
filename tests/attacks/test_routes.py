"""Every address has a policy: who may call it. A new one fails here until it is written down.

An alternative path that skips authentication: smallstep CVE-2026-30836, Vault CVE-2026-4525.
"""

import pytest

from tests.oauth.world import FORM, TOKEN, World

# Address: (methods that do anything, who may call).
POLICIES = {
    "/oauth/token": ({"POST"}, "client authentication"),
    "/.well-known/jwks.json": ({"GET", "HEAD"}, "public"),
    "/.well-known/oauth-authorization-server": ({"GET", "HEAD"}, "public"),
    "/.well-known/openid-configuration": ({"GET", "HEAD"}, "public"),
    "/healthz": ({"GET", "HEAD"}, "public"),
    "/readyz": ({"GET", "HEAD"}, "public"),
}
INSERTED = {
    "/.well-known/oauth-authorization-server/auth",
    "/.well-known/openid-configuration/auth",
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def test_flask_has_the_addresses_that_have_a_policy_and_no_other(town: World):
    rules = {rule.rule for rule in town.app.url_map.iter_rules()}

    assert rules == set(POLICIES)


def test_the_short_cut_has_the_addresses_that_have_a_policy_and_no_other(towns: dict[str, World]):
    assert set(towns["true"].app.wsgi_app._exact) == set(POLICIES)
    assert set(towns["false"].app.wsgi_app._exact) == set()


@pytest.mark.parametrize("way", ["true", "false"])
def test_an_issuer_with_a_path_has_the_inserted_ones_and_no_other(open_world, way: str):
    world = open_world(url="https://x.example/auth", short_cut=way)

    short = {f"/auth{path}" for path in POLICIES} if way == "true" else set()

    assert set(world.app.wsgi_app._exact) == short | INSERTED


def test_no_rule_has_a_part_that_varies(town: World):
    """Nothing of an address is ever read as a value."""
    assert [rule.rule for rule in town.app.url_map.iter_rules() if rule.arguments] == []


@pytest.mark.parametrize(
    "path", [path for path, (_, who) in POLICIES.items() if who == "client authentication"]
)
@pytest.mark.parametrize("method", METHODS)
def test_what_needs_a_client_gives_nothing_without_one(town: World, path: str, method: str):
    answer = town.send(method, path, data=b"grant_type=client_credentials", content_type=FORM)

    assert answer.status in {401, 405}


@pytest.mark.parametrize("path", [path for path, (_, who) in POLICIES.items() if who == "public"])
@pytest.mark.parametrize("method", METHODS)
def test_what_is_public_answers_its_methods_only(town: World, path: str, method: str):
    """Health is asked for by monitors of every kind, so it does not look at the method."""
    answer = town.send(method, path)

    expected = 200 if method in POLICIES[path][0] or path in {"/healthz", "/readyz"} else 405
    assert answer.status == expected


@pytest.mark.parametrize("path", [*POLICIES, "/nowhere"])
def test_no_answer_sets_a_cookie(town: World, path: str):
    """Nobody signs in yet: whatever set one would be a leak."""
    assert "Set-Cookie" not in town.send("GET", path).headers


@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
@pytest.mark.parametrize("path", [*POLICIES, "/nowhere"])
def test_no_origin_is_reflected_and_none_gets_credentials(town: World, path: str, origin: str):
    """CORS: Casdoor CVE-2024-41657; RFC 9700 §2.6."""
    preflight = {"Origin": origin, "Access-Control-Request-Method": "POST"}

    answers = [town.send(method, path, headers=preflight) for method in ("GET", "OPTIONS", "POST")]

    allowed = {answer.headers.get("Access-Control-Allow-Origin") for answer in answers}
    assert allowed <= {None, "*"}
    assert not any("Access-Control-Allow-Credentials" in answer.headers for answer in answers)
    if path == TOKEN:
        assert allowed == {None}
