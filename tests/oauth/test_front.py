"""What stands in front: health, unknown pages, faults, request ids, proxies."""

import logging
import os

import pytest

from issuer.errors import ServerError
from issuer.model.signing_key import KeyPurpose
from tests.oauth.world import FORM, TOKEN, Credentials, World, assert_headers, assert_refused, encode

ORDERS = "https://orders.example"
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
SECURITY = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": (
        "camera=(), display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), usb=()"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def test_healthz_tells_that_the_process_lives(town: World):
    answer = town.send("GET", "/healthz")

    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert_headers(answer, {"Content-Type": "application/json", **NO_STORE})


def test_readyz_tells_that_tokens_can_be_had(world: World):
    answer = world.send("GET", "/readyz")

    assert (answer.status, answer.json) == (
        200,
        {"status": "ready", "checks": {"registry": "ok", "signing keys": "ok"}},
    )


def test_readyz_fails_when_the_registry_was_not_seen_for_too_long(world: World, clock):
    clock.step(31)

    answer = world.send("GET", "/readyz")

    assert (answer.status, answer.json["checks"]["registry"]) == (503, "failed")
    assert world.send("GET", "/healthz").status == 200


def test_readyz_fails_without_a_key_that_signs(world: World, loaded_keys):
    only_one = [key for key in loaded_keys if key.stored.alg != "ES256"]
    world.parts.keyring._set = type(world.parts.keyring._set).of(only_one)

    answer = world.send("GET", "/readyz")

    assert (answer.status, answer.json["checks"]["signing keys"]) == (503, "failed")


def test_documents_are_served_however_long_the_registry_was_not_seen(world: World, clock):
    """As long as the process lives, what it issued can be verified."""
    clock.step(100_000)

    assert world.send("GET", "/.well-known/jwks.json").status == 200
    assert world.send("GET", "/.well-known/openid-configuration").status == 200


@pytest.mark.parametrize("path", ["/nowhere", "/oauth", "/oauth/token/", "/OAUTH/TOKEN", "/oauth/authorize"])
def test_an_unknown_address_is_a_page_with_every_security_header(town: World, path: str):
    answer = town.send("GET", path)

    assert answer.status == 404
    assert_headers(answer, SECURITY)
    assert b"Page not found" in answer.body
    assert answer.headers["X-Request-ID"].encode() in answer.body


def test_a_page_shows_nothing_of_the_address(town: World):
    answer = town.send("GET", "/<script>alert(1)</script>?x=<script>", headers={"X-Request-ID": "<script>"})

    assert answer.status == 404
    assert b"alert" not in answer.body
    assert b"&lt;script" not in answer.body


@pytest.mark.parametrize(
    "path",
    [
        "//oauth/token",
        "///oauth/token",
        "/oauth//token",
        "/oauth/./token",
        "/oauth/../oauth/token",
        "/oauth/token;x",
        "/oauth/%74oken/",
    ],
)
def test_no_other_spelling_of_an_address_leads_to_it(town: World, path: str):
    """Proxy and application that disagree on a path (Keycloak CVE-2026-0976).

    Nor is there a redirect: after a request with credentials one would send them again (RFC 9700 §4.12),
    and to a host that the request itself names.
    """
    answer = town.send(
        "POST",
        "/",
        data=encode({}),
        content_type=FORM,
        headers={"Host": "evil.example"},
        # Given as a path of its own, `//oauth` would be taken for a host.
        environ_overrides={"PATH_INFO": path},
    )

    assert answer.status == 404
    assert "Location" not in answer.headers


def test_an_empty_path_is_the_root_and_no_redirect(town: World):
    """`GET evil.example:80` has no path (RFC 9112 §3.2.3): Flask would redirect to the host it names."""
    answer = town.send("GET", "/", headers={"Host": "evil.example"}, environ_overrides={"PATH_INFO": ""})

    assert answer.status == 200
    assert "Location" not in answer.headers


@pytest.fixture
def broken(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Give a world whose signing fails in a way that nobody foresaw."""

    def fail(*_: object) -> None:
        raise RuntimeError("the key is hunter2 at /srv/secret, row (42, 'x')")

    monkeypatch.setattr(world.parts.keyring, "signer", fail)
    return world


def test_a_fault_is_a_server_error_without_detail(broken: World, robot: Credentials):
    assert_refused(broken.ask(robot), ServerError)


def test_a_fault_leaves_one_line_with_its_class_and_place_only(
    broken: World, robot: Credentials, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture
):
    caplog.set_level(logging.DEBUG)

    answer = broken.ask(robot)

    (line,) = broken.lines()
    assert line.pop("fault").startswith("RuntimeError at test_front.py:")
    assert line == {
        "ts": "2027-01-15T08:00:00Z",
        "event": "request.failed",
        "request_id": answer.headers["X-Request-ID"],
        "method": "POST",
    }
    everything = caplog.text + "".join(capfd.readouterr()) + broken.log_path.read_text()
    assert "hunter2" not in everything


def test_a_fault_in_the_page_of_an_error_is_answered_alike(world: World, monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("hunter2")

    monkeypatch.setattr("issuer.pages.error_pages.render_template", fail)

    answer = world.send("GET", "/nowhere")

    assert_refused(answer, ServerError)
    assert world.lines()[0]["event"] == "request.failed"


def test_a_fault_is_answered_even_when_its_line_cannot_be_written(
    open_world, short_cut: str, monkeypatch: pytest.MonkeyPatch
):
    reading, writing = os.pipe()
    world = open_world(short_cut=short_cut, log_descriptor=writing)
    world.add_audience(ORDERS)
    robot = world.add_client("Robot", ORDERS)
    monkeypatch.setattr(world.parts.keyring, "signer", lambda *_: 1 / 0)
    os.close(reading)

    answer = world.ask(robot)

    os.close(writing)
    assert_refused(answer, ServerError)


def test_no_key_is_told_as_not_now(world: World, robot: Credentials, loaded_keys):
    only_refresh = [key for key in loaded_keys if key.stored.purpose is KeyPurpose.REFRESH]
    world.parts.keyring._set = type(world.parts.keyring._set).of(only_refresh)

    answer = world.ask(robot)

    assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")


@pytest.mark.parametrize("path", [TOKEN, "/.well-known/jwks.json", "/healthz", "/nowhere"])
@pytest.mark.parametrize("request_id", ["a", "0b5f-1", "A.b_c:d-e", "x" * 64])
def test_the_request_id_is_echoed(town: World, path: str, request_id: str):
    assert town.send("GET", path, headers={"X-Request-ID": request_id}).headers["X-Request-ID"] == request_id


@pytest.mark.parametrize("path", [TOKEN, "/.well-known/jwks.json", "/nowhere"])
@pytest.mark.parametrize("request_id", ["", "x" * 65, "a b", 'a"b', "<b>", "\xe9", "a,b", "${x}"])
def test_an_odd_request_id_is_replaced(town: World, path: str, request_id: str):
    """It stands in logs and pages."""
    given = town.send("GET", path, headers={"X-Request-ID": request_id}).headers["X-Request-ID"]

    assert given != request_id
    assert len(given) == 22


def test_each_request_without_an_id_gets_one_of_its_own(town: World):
    given = {town.send("GET", "/healthz").headers["X-Request-ID"] for _ in range(5)}

    assert len(given) == 5


SPOOFED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "ftp",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Port": "1",
    "X-Forwarded-Prefix": "/evil",
    "Forwarded": "for=203.0.113.7;host=evil.example",
    "X-Forwarded-Uri": "/admin",
    "X-Original-Url": "/admin",
    "X-Rewrite-Url": "/admin",
    "X-Forwarded-User": "admin",
    "X-Http-Method-Override": "GET",
}


def test_headers_of_proxies_change_nothing_unless_configured(world: World, robot: Credentials):
    """RFC 9700 §4.13."""
    answer = world.post(encode({}), {"Authorization": robot.basic, **SPOOFED})

    assert answer.claims["iss"] == "https://id.example"
    assert world.lines()[0]["ip"] == "127.0.0.1"


def test_a_configured_proxy_tells_the_address_and_nothing_else(open_world, short_cut: str):
    world = open_world(short_cut=short_cut, trusted_proxies="1")
    world.add_audience(ORDERS)
    robot = world.add_client("Robot", ORDERS)

    answer = world.post(encode({}), {"Authorization": robot.basic, **SPOOFED})

    assert answer.claims["iss"] == "https://id.example"
    assert world.lines()[0]["ip"] == "203.0.113.7"
    assert world.send("GET", "/evil/healthz", headers=SPOOFED).status == 404


def test_of_several_proxies_only_the_trusted_ones_are_believed(open_world, short_cut: str):
    world = open_world(short_cut=short_cut, trusted_proxies="1")
    world.ask(Credentials("x", "y"))
    world.post(encode({}), {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"})

    assert [line["ip"] for line in world.lines()] == ["127.0.0.1", "203.0.113.7"]


@pytest.mark.parametrize("sent", ['"', '"198.51.100.1', "'", "\\", ",,", "x" * 5000])
def test_what_a_client_sends_does_not_hide_the_address_that_its_proxy_adds(
    open_world, short_cut: str, sent: str
):
    """A quote that is never closed makes one value of the list: X-Forwarded-For knows no quotes."""
    world = open_world(short_cut=short_cut, trusted_proxies="1")

    world.post(encode({}), {"X-Forwarded-For": f"{sent}, 203.0.113.7"})

    assert world.lines()[0]["ip"] == "203.0.113.7"


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("203.0.113.7", "127.0.0.1"),
        (" , 203.0.113.7", "127.0.0.1"),
        ("198.51.100.1, 203.0.113.7, 192.0.2.1", "203.0.113.7"),
    ],
)
def test_where_fewer_proxies_speak_than_are_trusted_none_is_believed(
    open_world, short_cut: str, told: str, address: str
):
    world = open_world(short_cut=short_cut, trusted_proxies="2")

    world.post(encode({}), {"X-Forwarded-For": told})

    assert world.lines()[0]["ip"] == address
