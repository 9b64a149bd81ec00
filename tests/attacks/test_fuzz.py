"""Whatever is sent, the server answers, and never with a fault of its own.

Panics and exceptions on odd input: go-jose CVE-2026-34986, Keycloak CVE-2026-9803, and what Authlib does
with a bad Authorization header.
"""

import base64
import json
from urllib.parse import urlencode, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from issuer.pages import gate
from tests.oauth.world import FORM, TOKEN, Answer, World

_EXAMPLES = 150
_SOAK_EXAMPLES = 5000

_PATHS = [
    TOKEN,
    "/.well-known/jwks.json",
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/healthz",
    "/readyz",
    "/",
]
_NAMES = ["grant_type", "client_id", "client_secret", "scope", "resource", "audience", "code", "x", ""]
_VALUES = [
    "client_credentials",
    "https://orders.example",
    "read",
    "Robot",
    "",
    "%",
    "\x00",
    "\ud800",
    "'",
    "a" * 300,
]

latin = st.text(st.characters(max_codepoint=255), max_size=60)
names = st.sampled_from(_NAMES) | st.text(max_size=5)
values = st.sampled_from(_VALUES) | st.text(max_size=40)
pairs = st.lists(st.tuples(names, values), max_size=12)
forms = pairs.map(lambda given: urlencode(given, errors="surrogatepass").encode()) | st.binary(max_size=400)
basics = st.binary(max_size=60).map(lambda raw: "Basic " + base64.b64encode(raw).decode())
methods = st.sampled_from(
    ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "X", "get"]
)
segments = st.sampled_from(
    [
        "admin",
        "admin;x",
        "oauth",
        "token",
        ".",
        "..",
        "",
        "%2e%2e",
        "%2f",
        ";",
        "\\",
        "healthz",
        "\xff",
        "\x00",
        "{}",
    ]
)
paths = st.lists(segments | latin, max_size=6).map(lambda given: "/" + "/".join(given))
headers = st.dictionaries(
    st.sampled_from(
        [
            "HTTP_AUTHORIZATION",
            "HTTP_HOST",
            "HTTP_X_REQUEST_ID",
            "HTTP_IF_NONE_MATCH",
            "HTTP_X_FORWARDED_FOR",
            "HTTP_X_FORWARDED_HOST",
            "HTTP_X_FORWARDED_PREFIX",
            "HTTP_COOKIE",
            "HTTP_ACCEPT",
            "HTTP_TRANSFER_ENCODING",
            "HTTP_RANGE",
            "CONTENT_TYPE",
            "CONTENT_LENGTH",
            "QUERY_STRING",
            "REMOTE_ADDR",
        ]
    ),
    latin | basics,
    max_size=6,
)


def _explore(world: World, examples: int) -> None:
    quiet = settings(
        max_examples=examples,
        deadline=None,
        derandomize=examples == _EXAMPLES,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    @quiet
    @given(body=forms, authorization=st.none() | latin | basics)
    def token_requests(body: bytes, authorization: str | None) -> None:
        sent = {} if authorization is None else {"HTTP_AUTHORIZATION": authorization}
        _assert_sane(_send(world, "POST", TOKEN, body, {"CONTENT_TYPE": FORM, **sent}))

    @quiet
    @given(method=methods, path=st.sampled_from(_PATHS) | paths, body=forms, given_headers=headers)
    def requests(method: str, path: str, body: bytes, given_headers: dict[str, str]) -> None:
        _assert_sane(_send(world, method, path, body, given_headers))

    token_requests()
    requests()


def test_no_request_ends_in_a_fault(town: World):
    _explore(town, _EXAMPLES)


@pytest.mark.soak
def test_no_request_of_many_ends_in_a_fault(town: World):
    _explore(town, _SOAK_EXAMPLES)


@pytest.mark.parametrize(
    "path",
    [
        "/admin;x/",
        "/%2e%2e/admin",
        "//admin",
        "/admin%2f",
        "/..;/admin",
        "/.well-known/../oauth/token",
        "//evil.example/%2f..",
        "/\\evil.example",
        "/%09//evil.example",
        "/%00",
        "/" + "a/" * 2000,
        "/" + "%41" * 5000,
    ],
)
def test_an_odd_path_is_unknown_and_leads_nowhere(town: World, path: str):
    answer = _send(town, "GET", path, b"", {})

    assert answer.status == 404
    assert "Location" not in answer.headers


@pytest.mark.parametrize("depth", [3000, 20_000])
def test_a_deeply_nested_assertion_is_not_parsed(town: World, depth: int):
    """Authlib: 500 (RecursionError), without authentication."""
    nested = "[" * depth + "]" * depth
    payload = base64.urlsafe_b64encode(f'{{"sub": {nested}}}'.encode()).decode().rstrip("=")
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": f"eyJhbGciOiJSUzI1NiJ9.{payload[:16_000]}.AA",
    }

    answer = _send(town, "POST", TOKEN, urlencode(form).encode(), {"CONTENT_TYPE": FORM})

    assert (answer.status, answer.json["error"]) == (401, "invalid_client")


def _send(world: World, method: str, path: str, body: bytes, environ: dict[str, str]) -> Answer:
    given_environ = {"PATH_INFO": path, **environ}
    return world.send(method, "/", data=body, environ_overrides=given_environ)


def _assert_sane(answer: Answer) -> None:
    assert 200 <= answer.status < 500, answer
    if 300 <= answer.status < 400:
        # The one place where anybody is sent: relative, so to no other host.
        assert (answer.status, urlsplit(answer.headers["Location"]).path) == (303, gate.SIGN_IN_PATH)
        assert answer.headers["Location"].startswith("/admin/")
    assert answer.headers["X-Request-ID"]
    if answer.body and answer.headers["Content-Type"] == "application/json":
        content = json.loads(answer.body)
        described = content.get("error_description", "")
        assert described.isascii()
        assert '"' not in described
