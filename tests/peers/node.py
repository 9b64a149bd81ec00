"""npm programs for tests: installed once into pytest's cache, in the exact versions of package.json.

A conftest that wants them writes `from tests.peers.node import node_peers`; the fixture gives a
NodePeers, whose `place` puts a test's own module beside node_modules, so that it may import them.
"""

import fcntl
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import skip_or_fail

_PACKAGE = Path(__file__).with_name("package.json")
_INSTALL_SECONDS = 300


@dataclass(frozen=True, slots=True)
class NodePeers:
    """node: path of the node program. folder: holds node_modules."""

    node: str
    folder: Path

    def place(self, module: Path) -> Path:
        """Copy an ES module beside node_modules and return where it now is.

        Whoever reads it meanwhile reads all of it: of a module that is empty so far node makes a program
        that ends at once and is content.
        """
        placed = self.folder / module.name
        with tempfile.TemporaryDirectory(dir=self.folder) as aside:
            Path(shutil.copy(module, aside)).replace(placed)
        return placed


@pytest.fixture(scope="session")
def node_peers(pytestconfig: pytest.Config) -> NodePeers:
    """Return the installed npm programs; skips without node, fails if TEST_REQUIRE names it."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        skip_or_fail("node", "node or npm is not on the path")
    folder = pytestconfig.cache.mkdir("node-peers")
    with (folder / "install.lock").open("w") as lock:
        # Several test processes start at once; npm must not run twice in one folder.
        fcntl.flock(lock, fcntl.LOCK_EX)
        _install(npm, folder)
    return NodePeers(node, folder)


def _install(npm: str, folder: Path) -> None:
    stamp = folder / "installed.json"
    if stamp.exists() and stamp.read_bytes() == _PACKAGE.read_bytes():
        return
    shutil.copy(_PACKAGE, folder / "package.json")
    subprocess.run(
        [npm, "install", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=_INSTALL_SECONDS,
    )
    shutil.copy(_PACKAGE, stamp)
