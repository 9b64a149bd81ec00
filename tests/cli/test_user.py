"""`issuer user`: what it prints, where the password comes from, and the set-up link of a start."""

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from issuer import terminal
from issuer.cli import serve
from tests.flows import servers

PASSWORD = "blue lamp under the quiet river"
START = "2027-01-15T08:00:00Z"


@pytest.fixture
def owned(used):
    """Give `issuer` where there is an owner, alice."""
    assert used("user", "add", "Alice", "--role", "owner", typed=f"{PASSWORD}\n").status == 0
    return used


def test_a_user_is_added_with_a_password_from_standard_input(used):
    ran = used("user", "add", "Alice", "--role", "owner", "--json", typed=f"{PASSWORD}\r\nmore\n")

    assert (ran.status, ran.err) == (0, "")
    assert ran.document == {
        "name": "Alice",
        "role": "owner",
        "services": [],
        "state": "active",
        "created_at": START,
        "last_sign_in_at": None,
        "password_changed_at": START,
        "version": 1,
    }


@pytest.mark.parametrize("typed", ["", "\n", "short\n", "password1234\n"])
def test_a_weak_password_is_refused_and_not_shown(used, typed):
    ran = used("user", "add", "alice", "--role", "owner", typed=typed)

    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("refused: the password")
    assert not typed.strip() or typed.strip() not in ran.err


def test_a_service_owner_is_changed_disabled_enabled_and_removed(owned):
    owned("service", "add", "Shop", "--owner", "team")
    added = owned(
        "user", "add", "bob", "--role", "service_owner", "--service", "Shop", "--json", typed=PASSWORD
    )

    changed = owned("user", "change", "BOB", "--role", "auditor", "--json")
    disabled = owned("user", "disable", "bob", "--json")
    enabled = owned("user", "enable", "bob", "--json")
    removed = owned("user", "remove", "bob", "--json")

    assert added.document["services"] == ["Shop"]
    assert (changed.document["role"], changed.document["services"]) == ("auditor", [])
    assert [ran.document["state"] for ran in (disabled, enabled, removed)] == [
        "disabled",
        "active",
        "removed",
    ]
    assert owned("user", "show", "bob", "--json").document == removed.document
    listed = owned("user", "list", "--state", "active", "--json").document["items"]
    assert [each["name"] for each in listed] == ["Alice"]


def test_the_last_owner_is_not_removed(owned):
    ran = owned("user", "remove", "alice")

    assert ran.status == 1
    assert ran.err == "refused: Alice is the last active owner; make another one first\n"


def test_an_empty_list_says_what_to_do(used):
    ran = used("user", "list")

    assert (ran.status, ran.out) == (0, "")
    assert ran.err == "No user yet. Make the first owner: issuer user setup-link\n"


def test_a_password_is_set_and_nobody_is_signed_in(owned):
    ran = owned("user", "password", "alice", "--json", typed="violet trombone on the marsh\n")

    assert (ran.status, ran.document["version"]) == (0, 2)
    assert owned("user", "sessions").err == "Nobody is signed in.\n"
    assert owned("user", "sessions", "--user", "alice", "--json").document == {"items": []}
    assert owned("user", "sign-out", "alice", "--json").document == {"ended": 0}


def test_the_link_is_printed_until_there_is_an_owner(used):
    ran = used("user", "setup-link")

    assert ran.status == 0
    url, code = ran.out.rstrip("\n").split("#")
    assert url == "http://127.0.0.1:8000/admin/setup"
    assert len(code) == 43
    used("user", "add", "alice", "--role", "owner", typed=PASSWORD)
    refused = used("user", "setup-link", "--json")
    assert (refused.status, refused.document["error"]) == (1, "conflict")


def test_the_audit_names_the_user_of_the_system_and_no_password(owned):
    ran = owned("audit", "list", "--json")

    event = ran.document["items"][0]
    assert (event["action"], event["actor"]) == ("user.added", terminal.user_name())
    assert PASSWORD not in ran.out
    assert "argon2" not in ran.out


def test_a_start_without_an_owner_leaves_the_link_in_a_file_and_in_no_log(tmp_path):
    environment = servers.make_environment(tmp_path)
    path = Path(environment["ISSUER_DATA_DIR"]) / "setup-link"

    with servers.running(tmp_path, environment) as server:
        link = path.read_text()
        said = server.messages.read_text() + server.log.read_text()

    url, code = link.rstrip("\n").split("#")
    assert url == f"{environment['ISSUER_URL']}/admin/setup"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in said
    assert code not in said


def test_a_start_with_an_owner_says_nothing_and_removes_the_file(owned, data_dir):
    (data_dir / "setup-link").write_text("stale")
    environ = {"ISSUER_DATA_DIR": str(data_dir)}
    desk = terminal.make_desk()

    with CliRunner(env=environ).isolation(), desk.registry() as instance:
        assert serve._offer_setup(instance) == ()

    assert not (data_dir / "setup-link").exists()


def test_adding_an_owner_removes_the_file(used, data_dir):
    (data_dir / "setup-link").write_text("dead by now")

    used("user", "add", "bob", "--role", "admin", typed=PASSWORD)
    assert (data_dir / "setup-link").exists()
    used("user", "add", "alice", "--role", "owner", typed=PASSWORD)

    assert not (data_dir / "setup-link").exists()


def test_on_a_terminal_the_link_is_shown_and_lies_in_no_file(tmp_path):
    environment = servers.make_environment(tmp_path)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("issuer"), "serve"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while b"/admin/setup#" not in shown:
            shown += os.read(ours, 4096)
    finally:
        process.terminate()
        process.wait(servers.PATIENCE_SECONDS)
        os.close(ours)

    assert f"once: {environment['ISSUER_URL']}/admin/setup#" in shown.decode()
    assert not (Path(environment["ISSUER_DATA_DIR"]) / "setup-link").exists()


def test_on_a_terminal_the_password_is_typed_twice_and_not_seen(tmp_path):
    environment = servers.make_environment(tmp_path)
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [Path(sys.executable).with_name("issuer"), "user", "add", "alice", "--role", "owner", "--json"],
        env=environment,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    seen = b""
    for prompt in (b"Password: ", b"confirmation: "):
        while prompt not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, f"{PASSWORD}\n".encode())
    out, _ = process.communicate(timeout=servers.PATIENCE_SECONDS)
    os.close(ours)

    assert process.returncode == 0
    assert json.loads(out)["name"] == "alice"
    assert PASSWORD.encode() not in seen
