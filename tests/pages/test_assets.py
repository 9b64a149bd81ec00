"""Stylesheet and scripts: unmodified, under an address that changes with them, of the right type."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

from issuer.bundle import find_folder
from issuer.pages.assets import Assets
from tests.pages.conftest import Visitor

LOCKS = [find_folder("static") / "vendor", Path(__file__).parents[1] / "browser" / "vendor"]


def find_assets(page: str) -> list[str]:
    """Return the addresses of what a page loads."""
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', page)


@pytest.mark.parametrize("folder", LOCKS, ids=["served", "tests"])
def test_vendored_files_are_those_of_the_lock_file(folder: Path):
    lock = json.loads((folder / "vendor.lock.json").read_text())

    listed = {
        f"{package['folder']}/{name}": digest
        for package in lock["packages"]
        for name, digest in package["files"].items()
    }

    found = {
        path.relative_to(
            folder
        ).as_posix(): f"sha384-{base64.b64encode(hashlib.sha384(path.read_bytes()).digest()).decode()}"
        for path in folder.rglob("*")
        if path.is_file() and path.parent != folder
    }
    assert found == listed


@pytest.mark.parametrize("folder", LOCKS, ids=["served", "tests"])
def test_every_vendored_package_says_version_and_licence(folder: Path):
    for package in json.loads((folder / "vendor.lock.json").read_text())["packages"]:
        assert package["folder"].endswith(f"@{package['version']}")
        assert package["licence"] in {"0BSD", "MPL-2.0"}
        assert "LICENSE" in package["files"]


def test_everything_a_page_loads_is_there_for_good(visitor: Visitor):
    urls = find_assets(visitor.open("/admin/showroom").text)

    answers = [visitor.open(url) for url in urls]

    assert len(urls) == 4
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.headers["Cache-Control"] for answer in answers} == {"public, max-age=31536000, immutable"}
    assert {answer.headers["X-Content-Type-Options"] for answer in answers} == {"nosniff"}
    assert not any("Set-Cookie" in answer.headers for answer in answers)
    assert sorted(answer.headers["Content-Type"] for answer in answers) == [
        "image/svg+xml",
        "text/css; charset=utf-8",
        "text/javascript; charset=utf-8",
        "text/javascript; charset=utf-8",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "vendor/vendor.lock.json",
        "vendor/htmx@4.0.1/LICENSE",
        "../app.py",
        "..%2fapp.py",
        "/etc/passwd",
        "js",
        "nothing.css",
    ],
)
def test_nothing_else_is_served(visitor: Visitor, name: str):
    digest = find_assets(visitor.open("/").text)[0].split("/")[2]

    assert visitor.open(f"/static/{digest}/{name}").status_code == 404


def test_another_digest_is_not_answered_with_these_bytes(visitor: Visitor):
    """They would be kept for a year under an address that is not theirs."""
    answer = visitor.open("/static/0123456789abcdef/issuer.css")

    assert (answer.status_code, answer.headers["Cache-Control"]) == (404, "no-store")


def test_the_digest_changes_with_any_file(tmp_path: Path):
    (tmp_path / "a.css").write_text("a")
    before = Assets(tmp_path).digest

    (tmp_path / "b.js").write_text("b")

    assert Assets(tmp_path).digest != before
