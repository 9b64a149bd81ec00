"""The top level stays small: whoever opens the repository sees what matters."""

from tests.architecture.sources import ROOT

ALLOWED = {
    "CHANGELOG.md",
    "Dockerfile",
    "LICENSE",
    "README.md",
    "compose.yaml",
    "issuer",
    "migrations",
    "pyproject.toml",
    "templates",
    "tests",
    "wsgi.py",
}
# What running or building leaves behind; .gitignore has them too.
_LEFT_BEHIND = {"build", "dist", "instance", "node_modules", "__pycache__"}


def test_the_top_level_holds_what_the_design_names_and_dot_files() -> None:
    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")}

    unexpected = {name for name in found - ALLOWED - _LEFT_BEHIND if not name.endswith(".egg-info")}

    assert unexpected == set()


def test_what_the_top_level_must_hold_is_there() -> None:
    found = {path.name for path in ROOT.iterdir()}

    assert found >= ALLOWED


def test_what_running_leaves_behind_is_ignored_by_git() -> None:
    ignored = {line.strip("/") for line in (ROOT / ".gitignore").read_text().splitlines()}

    assert _LEFT_BEHIND | {"*.egg-info", ".venv", ".secrets"} <= ignored
