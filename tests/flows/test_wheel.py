"""The wheel alone is enough: it starts, serves and writes nowhere but into its data directory."""

import shutil
import subprocess
import zipfile
from pathlib import Path

import jwt
import pytest

from tests.flows.installed import Installed, installed

__all__ = ["installed"]

ORDERS = "https://orders.example.com"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give an empty folder to run in."""
    (tmp_path / "empty").mkdir()
    return tmp_path / "empty"


@pytest.fixture
def read_only(tmp_path: Path) -> tuple[str, ...]:
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
    assert {"issuer/static/issuer.css", "issuer/static/vendor/htmx@4.0.1/htmx.min.js"} <= set(names)
    assert "issuer/py.typed" in names


def test_the_program_tells_how_it_is_used(installed: Installed, folder: Path) -> None:
    run = installed.run("--help", cwd=folder)

    assert run.returncode == 0, run.stderr
    assert "serve" in run.stdout
    assert list(folder.iterdir()) == []


def test_the_demo_serves_tokens_from_an_empty_folder(
    installed: Installed, folder: Path, tmp_path: Path
) -> None:
    with installed.serving_demo(cwd=folder, log=tmp_path / "log") as demo:
        token = demo.ask_token(ORDERS)
        health = demo.server.send("GET", "/healthz")
        landing = demo.server.send("GET", "/")
        status = demo.server.stop()

    assert _claims(token)["aud"] == ORDERS
    assert health.json == {"status": "ok"}
    assert (landing.status, b"issuer.css" in landing.body) == (200, True)
    assert status == 0
    assert [path.name for path in folder.iterdir()] == ["instance"]


def test_nothing_is_written_outside_the_data_directory(
    installed: Installed, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "temporary").mkdir()
    before = _list_files(installed.folder)

    with installed.serving_demo(
        cwd=folder, log=tmp_path / "log", environment=_outside_nothing(tmp_path)
    ) as demo:
        demo.ask_token(ORDERS)
        demo.server.stop()

    assert list(folder.iterdir()) == []
    assert list((tmp_path / "temporary").iterdir()) == []
    assert _list_files(installed.folder) == before


def test_a_read_only_file_system_is_enough(
    installed: Installed, folder: Path, tmp_path: Path, read_only: tuple[str, ...]
) -> None:
    with installed.serving_demo(
        cwd=folder, log=tmp_path / "log", environment=_outside_nothing(tmp_path), inside=read_only
    ) as demo:
        token = demo.ask_token(ORDERS)

    assert _claims(token)["aud"] == ORDERS


def _outside_nothing(tmp_path: Path) -> dict[str, str]:
    return {
        "ISSUER_DATA_DIR": str(tmp_path / "data"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
        "TMPDIR": str(tmp_path / "temporary"),
    }


def _claims(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


def _list_files(folder: Path) -> set[str]:
    return {str(path) for path in folder.rglob("*")}
