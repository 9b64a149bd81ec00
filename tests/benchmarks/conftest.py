"""Benchmarks: run by hand with `pytest -m benchmark tests/benchmarks`; they print figures and assert none."""

import os
from collections.abc import Callable

import pytest

from tests.benchmarks import figures
from tests.peers.node import node_peers

__all__ = ["node_peers"]

_REPORT = pytest.StashKey[figures.Report]()


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> figures.Report:
    """Return the report to which figures are added; it is printed when the run is over."""
    return pytestconfig.stash.setdefault(_REPORT, figures.Report())


@pytest.fixture(scope="session")
def cores() -> tuple[int, int]:
    """Return the core of the server and the core of the generator; one and the same if there is no other."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the report."""
    write: Callable[[str], None] = terminalreporter.write_line
    lines = config.stash.get(_REPORT, figures.Report()).lines()
    if lines:
        terminalreporter.section("benchmarks")
    for line in lines:
        write(line)
