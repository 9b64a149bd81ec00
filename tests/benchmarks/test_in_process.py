"""The issuer's token path in one process against a bare Flask answer: the steadiest of the figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks import figures, processes, servers

pytestmark = pytest.mark.benchmark

_ROOT = Path(__file__).parents[2]
_SCRIPT = Path(__file__).with_name("in_process.py")
_LIMIT_SECONDS = 120


@pytest.fixture
def measured(cores: tuple[int, int], tmp_path: Path) -> dict[str, float]:
    """Return µs of CPU by step, measured in a process of its own on one core."""
    with servers.issuer(tmp_path, core=cores[0]) as server:
        environment = servers.issuer_environment(tmp_path / str(server.port), server.port) | {
            "PYTHONPATH": str(_ROOT)
        }
        credentials = server.client_id, server.client_secret
    output = tmp_path / "figures.json"
    with processes.pinned_to(cores[0]), (tmp_path / "issuance.log").open("wb") as log:
        subprocess.run(
            [sys.executable, str(_SCRIPT), *credentials, str(output)],
            env=environment,
            stdout=log,
            check=True,
            timeout=_LIMIT_SECONDS,
        )
    return json.loads(output.read_text())


def test_token_path_in_process(measured: dict[str, float], report: figures.Report) -> None:
    """What a token costs beside the least that any Flask view costs."""
    token = measured["POST token ES256"]

    # The goal is said of an answer whose session interface works: route, context, session, response.
    for step, goals in (("bare Flask answer", ("≤ 0.9", "≤ 0.65")), ("the same without session", ("", ""))):
        ratio = token / measured[step]
        report.goals.append(figures.Goal(f"in process: POST token ES256 ÷ {step}", ratio, *goals))

    report.notes += ["", "in process, µs of CPU a call:"]
    report.notes += [f"  {step:<30}{microseconds:>8.1f}" for step, microseconds in measured.items()]
