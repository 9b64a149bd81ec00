"""`python -O` strips assert statements: no rule of ours hangs on one (pysaml2 CVE-2017-1000433)."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT, list_modules

_SUITE = [
    "tests/oauth/test_world.py",
    "tests/oauth/test_client_authentication.py",
    "tests/attacks/test_malformed_tokens.py",
]


def test_the_program_holds_no_assert_statement():
    modules = list_modules()

    found = [
        (module.name, node.lineno)
        for module in modules
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assert)
    ]

    assert len(modules) > 1
    assert found == []


def test_authentication_and_tokens_keep_their_rules_under_python_o(tmp_path: Path):
    """Pytest rewrites the assertions of test modules, so they count even here; the first test proves it."""
    proof = tmp_path / "test_proof.py"
    proof.write_text("def test_that_fails():\n    assert not __debug__\n    assert False, 'counted'\n")

    failed = _run(str(proof), "-c", "/dev/null")
    passed = _run(*_SUITE, "-k", "not flask and not cost")

    assert failed.returncode == 1, failed.stdout
    assert "counted" in failed.stdout
    assert passed.returncode == 0, passed.stdout[-3000:]


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    # The warning that asserts elsewhere are stripped is what this is about.
    command = [sys.executable, "-O", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "ignore"]
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
