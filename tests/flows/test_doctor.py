"""`issuer doctor` names each fault between a server and its clients, and what mends it."""

import datetime as dt
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from email.utils import format_datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from issuer import terminal
from issuer.doctor import fetch
from tests.benchmarks import processes
from tests.flows import doctored_site, odd_servers
from tests.flows.doctored_site import ORDERS, Site
from tests.flows.spoiling_proxy import (
    Passed,
    Spoil,
    answering,
    at,
    with_headers,
    with_issuer,
    with_members,
    without,
)

METADATA = "/.well-known/oauth-authorization-server"
OPENID = "/.well-known/openid-configuration"
JWKS = "/.well-known/jwks.json"
TOKEN = "/oauth/token"
BASE = "/auth"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("ISSUER_", "_ISSUER_"))]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Site]]:
    """Give the function that returns the site of an issuer with a path; each is started once."""
    made: dict[str, tuple[Site, subprocess.Popen]] = {}

    def find(base: str) -> Site:
        if base not in made:
            made[base] = doctored_site.start(tmp_path_factory.mktemp("site"), base)
        site, _ = made[base]
        site.proxy.mend()
        return site

    yield find
    for site, process in made.values():
        processes.stop(process)
        site.proxy.stop()


@pytest.fixture
def site(sites: Callable[[str], Site]) -> Site:
    """Give a site whose issuer has no path; its proxy does nothing wrong yet."""
    return sites("")


@pytest.fixture
def under_path(sites: Callable[[str], Site]) -> Site:
    """Give a site whose issuer is under /auth."""
    return sites(BASE)


@pytest.mark.parametrize("base", ["", BASE])
def test_nothing_is_wrong_where_nothing_is(sites: Callable[[str], Site], base: str) -> None:
    site = sites(base)

    ran = site.run_with_client("--resource", ORDERS)

    assert (ran.status, ran.wrong) == (0, [])
    root = [f"{METADATA}{base}", f"{OPENID}{base}"] if base else []
    documents = [f"{base}{METADATA}", f"{base}{OPENID}", *root, f"{base}{JWKS}"]
    assert [item["name"] for item in ran.items] == ["clock", *documents, "token", "token clock"]
    assert site.proxy.asked == [*(f"GET {path}" for path in documents), f"POST {base}{TOKEN}"]
    assert site.secret not in ran.output


def test_people_read_a_line_for_each_check(site: Site) -> None:
    site.proxy.spoil = at(JWKS, without("etag"))

    result = CliRunner(env=site.environment).invoke(terminal.main, ["doctor"], obj=terminal.make_desk())

    assert result.stdout.splitlines()[0].startswith("ok       clock: ")
    assert "WARNING  /.well-known/jwks.json: Its ETag is gone" in result.stdout
    assert result.exit_code == 0


DOCUMENT_FAULTS = {
    "redirect to https": (
        lambda passed: Passed.own(passed.path, 308, location=f"https://{{host}}{passed.path}"),
        "Set ISSUER_URL to its https form",
    ),
    "redirect to a slash": (
        lambda passed: Passed.own(passed.path, 301, location=f"http://{{host}}{passed.path}/"),
        "redirect that adds or drops a slash",
    ),
    "redirect to sign in": (answering(302, location="/login"), "signing in and the like"),
    "server away": (answering(502), "nothing behind it (502)"),
    "blocked": (answering(403), "Something in front of this server answers with status 403"),
    "not routed": (answering(404), "Route /.well-known/oauth-authorization-server to this server"),
    "another page": (answering(200), "Something else than this server answers"),
    "a list": (lambda passed: replace(passed, body=b"[1]"), "is no such document"),
    "too deep": (lambda passed: replace(passed, body=b"[" * 100_000), "is no such document"),
    "another scheme": (with_issuer(lambda url: url.replace("http:", "https:")), "the scheme differs"),
    "another host": (with_issuer(lambda url: url.replace("127.0.0.1", "localhost")), "the host differs"),
    "another path": (with_issuer(lambda url: url + "/other"), "the path differs"),
    "a slash at the end": (with_issuer(lambda url: url + "/"), "a slash at the end differs"),
    "another issuer": (with_issuer(lambda _: "https://x.example/y"), "more than one part differs"),
    "no issuer": (with_issuer(lambda _: None), "It names no issuer"),
    "another endpoint": (
        with_members(lambda members: members | {"token_endpoint": "http://inside:8000/oauth/token"}),
        "differs from what is published here in token_endpoint",
    ),
}


@pytest.mark.parametrize("fault", DOCUMENT_FAULTS)
def test_a_fault_of_the_metadata_is_an_error(site: Site, fault: str) -> None:
    spoil, told = DOCUMENT_FAULTS[fault]
    site.proxy.spoil = at(METADATA, _with_host(site, spoil))

    ran = site.run()

    assert ran.status == 1
    assert (METADATA, "error") in ran.wrong
    problems = [item["sentence"] + item["mend"] for item in ran.items if item["health"] == "error"]
    assert len(problems) == 1
    assert told in problems[0]


HEADER_FAULTS = {
    "content type": (with_headers(content_type="text/plain"), "Content-Type is text/plain instead of"),
    "cache control gone": (without("cache-control"), "Cache-Control is missing"),
    "no cache": (with_headers(cache_control="no-store"), "every verifier asks for it again"),
    "kept too long": (with_headers(cache_control="public, max-age=86400"), "86400 seconds instead of 300"),
    "old": (with_headers(age="4000"), "4000 seconds old"),
    "etag gone": (without("etag"), "Its ETag is gone"),
}


@pytest.mark.parametrize("path", [METADATA, OPENID, JWKS])
@pytest.mark.parametrize("fault", HEADER_FAULTS)
def test_a_changed_header_is_a_warning(site: Site, fault: str, path: str) -> None:
    spoil, told = HEADER_FAULTS[fault]
    site.proxy.spoil = at(path, spoil)

    ran = site.run()

    assert (ran.status, ran.wrong) == (0, [(path, "warning")])
    assert told in ran.find(path)


def test_a_weak_etag_is_as_good(site: Site) -> None:
    site.proxy.spoil = lambda passed: replace(
        passed,
        headers={name: f"W/{text}" if name == "etag" else text for name, text in passed.headers.items()},
    )

    assert site.run().wrong == []


KEY_FAULTS = {
    "another server": (lambda keys: [key | {"kid": key["kid"][::-1]} for key in keys], "are not those"),
    "the same names": (lambda keys: [key | {"x": "AAAA", "n": "AAAA"} for key in keys], "are not those"),
    "an old cache": (lambda keys: keys[:1], "missing: a cache keeps an old answer"),
    "one more": (lambda keys: [*keys, keys[0] | {"kid": "gone"}], "gone are in it, but not published"),
    "none": (lambda _: [], "are not those"),
    "nonsense": (lambda _: "x", "no such document"),
}


@pytest.mark.parametrize("fault", KEY_FAULTS)
def test_keys_that_differ_are_an_error(site: Site, fault: str) -> None:
    change, told = KEY_FAULTS[fault]
    site.proxy.spoil = at(JWKS, with_members(lambda members: {"keys": change(members["keys"])}))

    ran = site.run()

    assert (ran.status, ran.wrong) == (1, [(JWKS, "error")])
    assert told in ran.find(JWKS)


@pytest.mark.parametrize(
    ("seconds", "health"), [(-60, "error"), (-10, "warning"), (0, "ok"), (10, "warning"), (60, "error")]
)
def test_a_clock_that_differs_is_told(site: Site, seconds: int, health: str) -> None:
    def differ(passed: Passed) -> Passed:
        date = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)
        return with_headers(date=format_datetime(date, usegmt=True))(passed)

    site.proxy.spoil = differ

    clock = site.run().items[0]

    assert (clock["name"], clock["health"]) == ("clock", health)
    assert ("ahead of" in clock["sentence"]) is (seconds > 0)


@pytest.mark.parametrize("date", ["", "yesterday"])
def test_no_date_is_no_clock(site: Site, date: str) -> None:
    site.proxy.spoil = with_headers(date=date)

    assert site.run().items[0]["name"] == METADATA


def test_a_path_that_the_proxy_strips_is_told(under_path: Site) -> None:
    under_path.proxy.route = lambda path: path.removeprefix(BASE)

    ran = under_path.run()

    assert [name for name, _ in ran.wrong] == [f"{BASE}{METADATA}", f"{BASE}{OPENID}", f"{BASE}{JWKS}"]
    assert "the proxy strips or rewrites it" in ran.find(f"{BASE}{METADATA}")
    assert "/auth included" in ran.find(f"{BASE}{JWKS}")


def test_a_root_that_the_proxy_does_not_route_is_told(under_path: Site) -> None:
    under_path.proxy.route = lambda path: path if path.startswith(BASE) else None

    ran = under_path.run()

    assert ran.wrong == [(f"{METADATA}{BASE}", "error"), (f"{OPENID}{BASE}", "error")]
    assert f"Route {METADATA}{BASE} to this server" in ran.find(f"{METADATA}{BASE}")


def test_another_issuer_url_here_is_told(site: Site) -> None:
    """The server was started with another ISSUER_URL than this terminal has."""
    ran = site.run(url=f"http://localhost:{site.proxy.port}")

    assert ran.status == 1
    assert "the host differs" in ran.find(METADATA)


def test_nothing_that_listens_is_told(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ran = site.run(url=f"http://127.0.0.1:{taken.getsockname()[1]}")

    assert ran.wrong == [("connection", "error")]
    assert "Nothing listens there." in ran.find("connection")


def test_a_name_that_nobody_has_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_keywords: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)

    ran = site.run(url="https://id.example")

    assert "cannot be resolved" in ran.find("connection")


def test_an_answer_that_does_not_come_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT_SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        ran = site.run(url=f"http://127.0.0.1:{silent.getsockname()[1]}")

    assert "does not answer within" in ran.find("connection")


def test_an_answer_without_end_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "MOST_BYTES", 1000)
    site.proxy.spoil = lambda passed: replace(passed, body=b"x" * 1001)

    assert "over a megabyte" in site.run().find("connection")


@pytest.mark.parametrize(
    ("said", "told"), [(b"SSH-2.0-OpenSSH_9\r\n", "does not answer in HTTP"), (b"", "answer")]
)
def test_something_that_is_no_http_is_told(site: Site, said: bytes, told: str) -> None:
    with odd_servers.saying(said) as port:
        ran = site.run(url=f"http://127.0.0.1:{port}")

    assert told in ran.find("connection")


def test_an_answer_that_comes_by_drops_is_not_waited_for(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each drop comes in time, so a bound on each would never end it."""
    monkeypatch.setattr(fetch, "TIMEOUT_SECONDS", 0.5)

    with odd_servers.dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n", 0.05) as port:
        ran = site.run(url=f"http://127.0.0.1:{port}")

    assert "does not answer within" in ran.find("connection")


def test_plain_http_where_tls_belongs_is_told(site: Site) -> None:
    ran = site.run(url=f"https://127.0.0.1:{site.proxy.port}")

    assert "does not speak TLS" in ran.find("connection")


def test_a_certificate_that_nobody_vouches_for_is_told(site: Site, tmp_path: Path) -> None:
    with odd_servers.speaking_tls(tmp_path) as port:
        ran = site.run(url=f"https://localhost:{port}")

    assert "Its certificate is not good: self-signed certificate" in ran.find("connection")


TOKEN_FAULTS = {
    "may be cached": (with_headers(cache_control="max-age=60"), "token answer", "no longer says no-store"),
    "proxy asks for credentials": (
        answering(401, www_authenticate="Basic"),
        "token",
        "pass Authorization on",
    ),
    "proxy away": (answering(503), "token", "nothing behind it (503)"),
    "redirect": (answering(307, location="/oauth/token/"), "token", "redirect"),
    "a page": (answering(200), "token", "holds no access token"),
    "too often": (
        lambda passed: replace(passed, status=429, body=b'{"error": "too_many_failures"}'),
        "token",
        "Wait as long as Retry-After says",
    ),
    "another server": (
        with_members(lambda members: members | {"access_token": "e30.e30.e30"}),
        "token",
        "A service would refuse it",
    ),
}


@pytest.mark.parametrize("fault", TOKEN_FAULTS)
def test_a_fault_on_the_way_of_a_token_is_an_error(site: Site, fault: str) -> None:
    spoil, name, told = TOKEN_FAULTS[fault]
    site.proxy.spoil = at(TOKEN, spoil)

    ran = site.run_with_client()

    assert (ran.status, ran.wrong) == (1, [(name, "error")])
    assert told in ran.find(name)


def test_a_wrong_secret_is_told_without_showing_it(site: Site) -> None:
    ran = site.run_with_client(secret="isr_wrong")

    assert "invalid_client" in ran.find("token")
    assert "isr_wrong" not in ran.output


def test_a_token_of_another_registry_is_told(site: Site) -> None:
    """The proxy asks for another audience than was asked for here."""
    other = site.run_with_client("--scope", "orders:read")
    assert other.wrong == []
    kept: list[bytes] = []
    site.proxy.spoil = at(TOKEN, lambda passed: kept.append(passed.body) or passed)
    site.run_with_client("--scope", "orders:read")
    site.proxy.spoil = at(TOKEN, lambda passed: replace(passed, body=kept[0]))

    ran = site.run_with_client()

    assert "would issue in scope" in ran.find("token")


def test_what_this_installation_refuses_is_not_asked_for(site: Site) -> None:
    ran = site.run_with_client("--resource", "https://nowhere.example")

    assert "This installation would refuse it: invalid_target" in ran.find("token")
    assert f"POST {TOKEN}" not in site.proxy.asked


def test_a_secret_does_not_leave_while_something_is_wrong(site: Site) -> None:
    site.proxy.spoil = at(JWKS, with_members(lambda members: {"keys": members["keys"][:1]}))

    ran = site.run_with_client()

    assert ran.wrong == [(JWKS, "error"), ("token", "warning")]
    assert f"POST {TOKEN}" not in site.proxy.asked


@pytest.mark.parametrize("typed", ["", "\n", "x" * 1025])
def test_a_secret_is_needed(site: Site, typed: str) -> None:
    ran = site.run("--client", site.client_id, typed=typed)

    assert ran.status == 1
    assert "expected on standard input" in ran.output
    assert site.proxy.asked == []


def test_a_target_without_a_client_is_a_misuse(site: Site) -> None:
    result = CliRunner(env=site.environment).invoke(
        terminal.main, ["doctor", "--resource", ORDERS], obj=terminal.make_desk()
    )

    assert result.exit_code == 2


def _with_host(site: Site, spoil: Spoil) -> Spoil:
    host = f"127.0.0.1:{site.proxy.port}"

    def spoil_there(passed: Passed) -> Passed:
        spoilt = spoil(passed)
        headers = {name: text.replace("{host}", host) for name, text in spoilt.headers.items()}
        return replace(spoilt, headers=headers)

    return spoil_there
