"""`issuer serve` as a process: how it starts, what it prints, and that it stops at any moment."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from issuer import config
from issuer.cli import processes as serving
from tests.flows import servers

_ISSUER = Path(sys.executable).with_name("issuer")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a server on a free port, on the embedded database."""
    return servers.make_environment(tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Give the environment of an installation that was served once; nothing is changed in it."""
    folder = tmp_path_factory.mktemp("served")
    environment = servers.make_environment(folder)
    with servers.running(folder, environment) as server:
        server.stop()
    return environment


def _start(environment: dict[str, str], *options: str) -> subprocess.Popen:
    return subprocess.Popen(
        [_ISSUER, "serve", *options],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_messages_go_to_standard_error_and_log_lines_to_standard_output(environment, tmp_path):
    with servers.running(tmp_path, environment) as server:
        status = server.stop()

    url, bind = environment["ISSUER_URL"], environment["ISSUER_BIND"]
    assert status == 0
    assert server.messages.read_text() == (
        f"Serving {url} on {bind}; Ctrl-C stops.\nJWKS: {url}/.well-known/jwks.json\n"
        "Nobody owns the console yet. For an hour, the link that makes the first owner is in "
        f"{environment['ISSUER_DATA_DIR']}/setup-link\n"
    )
    assert all("event" in json.loads(line) for line in server.log.read_text().splitlines())


def test_start_with_the_defaults_warns_of_nothing(environment, tmp_path):
    with servers.running(tmp_path, environment) as server:
        events = server.events()

    assert {event["level"] for event in events} == {"info"}


def test_second_start_finds_what_the_first_made(environment, tmp_path):
    with servers.running(tmp_path, environment) as first:
        keys = first.send("GET", "/.well-known/jwks.json").json
        first.stop()

    with servers.running(tmp_path, environment) as second:
        assert second.send("GET", "/.well-known/jwks.json").json == keys


def test_document_of_the_demo_stands_before_the_log_lines(environment):
    process = _start(environment, "--demo", "--json")
    try:
        document = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
    finally:
        process.terminate()
        process.communicate(timeout=servers.PATIENCE_SECONDS)

    url = environment["ISSUER_URL"]
    assert document == {
        "url": url,
        "token_endpoint": f"{url}/oauth/token",
        "jwks_uri": f"{url}/.well-known/jwks.json",
        "bind": environment["ISSUER_BIND"],
        "workers": 1,
        "demo": document["demo"],
    }
    assert [client["audiences"] for client in document["demo"]["clients"]] == [
        ["https://orders.example.com"],
        ["https://orders.example.com", "https://billing.example.com"],
        ["access"],
        [],
    ]


def test_options_go_before_the_environment(environment, tmp_path):
    port = servers.free_port()
    moved = environment | {"ISSUER_BIND": f"127.0.0.1:{port}"}
    options = ("--host", "127.0.0.1", "--port", str(port), "--workers", "2")

    with servers.running(tmp_path, moved, *options) as server:
        assert len(server.worker_pids()) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_right_after_the_start_stops_the_server(environment, number):
    """A worker that does not serve yet must not make its parent wait."""
    process = _start(environment, "--workers", "2")
    process.stderr.readline()

    os.killpg(process.pid, number)

    process.communicate(timeout=servers.PATIENCE_SECONDS)
    assert process.returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_to_the_whole_group_stops_a_serving_server(environment, tmp_path, number):
    """As Ctrl-C and systemd do: workers get it as well as the parent, and once more from the parent."""
    with servers.running(tmp_path, environment, "--workers", "2") as server:
        os.killpg(server.process.pid, number)

        assert server.process.wait(servers.PATIENCE_SECONDS) == 0


def test_workers_end_with_a_parent_that_was_killed(environment, tmp_path):
    with servers.running(tmp_path, environment) as server:
        server.process.kill()
        server.process.wait()

        servers.wait_until(lambda: _is_free(server.port))


def test_taken_port_is_refused(environment):
    port = int(environment["ISSUER_BIND"].rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port), reuse_port=True):
        ran = subprocess.run([_ISSUER, "serve"], env=environment, capture_output=True, text=True, check=False)

    reason = (
        f"127.0.0.1 port {port} cannot be listened on: Address already in use. Choose another with --port."
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"refused: {reason}\n")


@pytest.mark.parametrize(
    ("options", "more", "error", "reason"),
    [
        (
            ("--host", "example.com"),
            {},
            "invalid_settings",
            "ISSUER_BIND (command line) must be an IP address",
        ),
        (("--host", "192.0.2.1"), {}, "invalid_settings", "ISSUER_URL is required where"),
        (
            (),
            {"ISSUER_BIND": "192.0.2.1:8000", "ISSUER_URL": "https://a.example"},
            "address_taken",
            "192.0.2.1",
        ),
        ((), {"ISSUER_MASTER_KEY": "A" * 43}, "wrong_master_key", "ISSUER_MASTER_KEY does not open"),
    ],
)
def test_server_that_cannot_serve_is_refused(used, options, more, error, reason):
    env = {"ISSUER_BIND": f"127.0.0.1:{servers.free_port()}", **more}

    ran = used("serve", *options, "--json", env=env)

    assert (ran.status, ran.document["error"]) == (1, error)
    assert ran.document["reason"].startswith(reason)


def test_half_an_address_keeps_the_other_half(used, monkeypatch):
    served = []
    monkeypatch.setattr(config, "hand_to_children", lambda _overrides: None)
    monkeypatch.setattr(serving, "run", lambda settings, _app, say: (say(), served.append(settings.bind)))
    ports = [servers.free_port(), servers.free_port()]
    env = {"ISSUER_BIND": f"127.0.0.2:{ports[0]}"}

    used("serve", "--port", str(ports[1]), env=env)
    used("serve", "--host", "127.0.0.3", env=env)
    used("serve", "--host", "127.0.0.4", "--port", str(ports[1]), env={"ISSUER_BIND": "0.0.0.0:1"})

    assert served == [f"127.0.0.2:{ports[1]}", f"127.0.0.3:{ports[0]}", f"127.0.0.4:{ports[1]}"]


def test_database_that_is_not_upgraded_is_refused(used, empty_database_url: str):
    env = {"ISSUER_DATABASE_URL": empty_database_url, "ISSUER_MASTER_KEY": "A" * 43}

    ran = used("serve", "--port", str(servers.free_port()), "--json", env=env)

    assert (ran.status, ran.document["error"]) == (1, "schema_not_at_head")


def test_any_wsgi_server_can_serve_the_application(served):
    ran = _import_wsgi(served)

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-2:] == ["200 OK", 'b\'{"status":"ok"}\'']


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"ISSUER_URL": "https://another.example"}, "but this database is served as "),
        ({"ISSUER_THREADS": "none"}, "ISSUER_THREADS"),
        ({"ISSUER_MASTER_KEY": "B" * 43}, "master key"),
    ],
    ids=["another URL", "a bad setting", "another master key"],
)
def test_any_wsgi_server_is_told_why_the_application_does_not_start(served, changed, reason):
    ran = _import_wsgi(served | changed)

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith("issuer cannot start: ")
    assert reason in ran.stderr
    assert "Traceback" not in ran.stderr


def _import_wsgi(environment):
    program = (
        "import wsgi, wsgiref.util as util\n"
        "environ = {'PATH_INFO': '/healthz'}\n"
        "util.setup_testing_defaults(environ)\n"
        "print(b''.join(wsgi.application(environ, lambda status, headers: print(status))))\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
