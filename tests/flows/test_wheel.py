"""The wheel alone is enough: it starts, serves and writes nowhere but into its data directory."""

import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flows.installed import Installed, installed
from tests.flows.servers import Server

__all__ = ["installed"]

AUDIENCE = "https://smoke.example.com"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder to run in."""
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


@pytest.fixture
def read_only(tmp_path: Path, missing: Callable[[str, str], None]) -> tuple[str, ...]:
    """Give the command that runs another with a read-only file system, but for the folder `data`."""
    (tmp_path / "data").mkdir(mode=0o700)
    script = tmp_path / "read-only.sh"
    script.write_text(
        f"set -e\nmount --bind '{tmp_path / 'data'}' '{tmp_path / 'data'}'\n"
        "mount -o remount,bind,ro /\n"
        'if mountpoint -q /tmp; then mount -o remount,bind,ro /tmp; fi\nexec "$@"\n'
    )
    command = ("unshare", "--map-root-user", "--mount", "sh", str(script))
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], check=False).returncode != 0:
        pytest.skip("this machine lets nobody make a mount namespace")
    return command


def test_the_wheel_holds_the_package_its_templates_and_its_migrations(installed: Installed) -> None:
    names = zipfile.ZipFile(installed.wheel).namelist()

    tops = {name.split("/")[0] for name in names}

    assert tops == {"issuer", "issuer-0.1.0.dist-info"}
    assert {"issuer/_bundled/templates/error.html", "issuer/_bundled/migrations/env.py"} <= set(names)
    assert "issuer/py.typed" in names


def test_the_program_tells_how_it_is_used(installed: Installed, folder: Path) -> None:
    run = installed.run("--help", cwd=folder)

    assert run.returncode == 0, run.stderr
    assert "serve" in run.stdout
    assert list(folder.iterdir()) == []


def test_the_demo_serves_tokens_from_an_empty_folder(
    installed: Installed, folder: Path, tmp_path: Path
) -> None:
    with installed.serving("--demo", cwd=folder, log=tmp_path / "log") as server:
        answer = _ask_token(installed, server, folder)
        health = server.send("GET", "/healthz")
        status = server.stop()

    assert answer["token_type"] == "Bearer"
    assert answer["scope"] == "smoke:read"
    assert health.json == {"status": "ok"}
    assert status == 0
    assert [path.name for path in folder.iterdir()] == ["instance"]


def test_nothing_is_written_outside_the_data_directory(
    installed: Installed, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "temporary").mkdir()
    environment = _outside_nothing(tmp_path)
    before = _list_files(installed.folder)

    with installed.serving("--demo", cwd=folder, log=tmp_path / "log", environment=environment) as server:
        _ask_token(installed, server, folder, environment)
        server.stop()

    assert list(folder.iterdir()) == []
    assert list((tmp_path / "temporary").iterdir()) == []
    assert _list_files(installed.folder) == before


def test_a_read_only_file_system_is_enough(
    installed: Installed, folder: Path, tmp_path: Path, read_only: tuple[str, ...]
) -> None:
    environment = _outside_nothing(tmp_path)

    with installed.serving(
        "--demo", cwd=folder, log=tmp_path / "log", environment=environment, inside=read_only
    ) as server:
        answer = _ask_token(installed, server, folder, environment)

    assert answer["token_type"] == "Bearer"


def _outside_nothing(tmp_path: Path) -> dict[str, str]:
    return {
        "ISSUER_DATA_DIR": str(tmp_path / "data"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
        "TMPDIR": str(tmp_path / "temporary"),
    }


def _ask_token(
    installed: Installed, server: Server, cwd: Path, environment: dict[str, str] | None = None
) -> dict:
    def run(*arguments: str) -> dict:
        said = installed.run(*arguments, "--json", cwd=cwd, environment=environment)
        assert said.returncode == 0, said.stdout + said.stderr
        return json.loads(said.stdout)

    run("service", "add", "Smoke", "--owner", "tests")
    run("audience", "add", AUDIENCE, "--service", "Smoke", "--scope", "smoke:read")
    client = run("client", "add", "Robot", "--grant", "client_credentials")
    run("permission", "grant", client["client_id"], AUDIENCE, "--scope", "smoke:read")
    answer = server.ask_token(client["client_id"], client["client_secret"], resource=AUDIENCE)
    assert answer.status == 200, answer.body
    return answer.json


def _list_files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}
