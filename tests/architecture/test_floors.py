"""Floors: an import points down only, and each library lives on the floors that may know it."""

import os
import subprocess
import sys

from tests.architecture.sources import PACKAGE, ROOT


def test_every_import_keeps_to_the_floors() -> None:
    run = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as lint; lint()",
            "--no-cache",
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout + run.stderr


def test_init_files_are_empty() -> None:
    """Nothing happens by importing a package, and everything is imported from where it lives."""
    full = [path.relative_to(ROOT) for path in PACKAGE.rglob("__init__.py") if path.read_text().strip()]

    assert full == []


def test_every_folder_of_the_package_has_an_init_file() -> None:
    folders = {path.parent for path in PACKAGE.rglob("*.py")}

    missing = [folder for folder in folders if not (folder / "__init__.py").exists()]

    assert missing == []
