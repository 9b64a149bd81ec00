"""What is measured and how it is printed: one table of figures and one of ratios with their goals."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.benchmarks import load, processes, servers

ROUNDS = 3
SECONDS = 5
WARM_UP_SECONDS = 4


@dataclass(frozen=True, slots=True)
class Case:
    """One request that one server is asked. what: says which, the same for all servers.

    draw_tokens: gives unspent refresh tokens for one run, where each request presents one.
    """

    server: servers.Server
    what: str
    request: load.Request
    draw_tokens: Callable[[], list[str]] = list


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a thousand responses cost the server, in CPU milliseconds, and what the asker saw."""

    cpu_ms_per_1000: float
    responses_per_second: float
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio or a size with what to reach; printed, never asserted: machines differ."""

    what: str
    value: float
    at_least: str
    stretch: str


@dataclass(slots=True)
class Report:
    """What the run prints at its end."""

    headline: str = ""
    rows: list[tuple[str, str, Measurement, float]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return the report, line by line; empty if nothing was measured."""
        lines = [self.headline] if self.headline else []
        if self.rows:
            lines += ["", _ROW_TITLE, *(_format_row(*row) for row in self.rows)]
        if self.goals:
            lines += ["", _GOAL_TITLE, *(_format_goal(goal) for goal in self.goals)]
        return [*lines, *self.notes]


def measure(case: Case, *, seconds: int, core: int) -> Measurement:
    """Load a server with one request for so long; raises AssertionError if any answer failed."""
    tokens = case.draw_tokens()
    before = processes.cpu_milliseconds(case.server.process.pid)
    outcome = load.run(case.server.port, case.request, seconds=seconds, core=core, refresh_tokens=tokens)
    cpu_ms = processes.cpu_milliseconds(case.server.process.pid) - before
    assert outcome.failures == 0, f"{case.server.name}, {case.what}: {outcome}"
    return Measurement(
        cpu_ms_per_1000=cpu_ms * 1000 / outcome.responses,
        responses_per_second=outcome.responses / outcome.seconds,
        p50_ms=outcome.p50_ms,
        p99_ms=outcome.p99_ms,
    )


def median(measurements: list[Measurement]) -> Measurement:
    """Return the median of each figure."""
    names = Measurement.__slots__
    columns = {name: [getattr(each, name) for each in measurements] for name in names}
    return Measurement(**{name: statistics.median(values) for name, values in columns.items()})


_ROW_TITLE = (
    f"{'request':<18}{'server':<22}{'CPU-ms per 1,000':>18}{'requests/s':>12}"
    f"{'p50 ms':>9}{'p99 ms':>9}{'worker MB':>11}"
)
_GOAL_TITLE = f"{'figure':<58}{'measured':>10}{'at least':>12}{'stretch':>12}"


def _format_row(what: str, server: str, measured: Measurement, megabytes: float) -> str:
    return (
        f"{what:<18}{server:<22}{measured.cpu_ms_per_1000:>18,.1f}{measured.responses_per_second:>12,.0f}"
        f"{measured.p50_ms:>9.2f}{measured.p99_ms:>9.2f}{megabytes:>11.1f}"
    )


def _format_goal(goal: Goal) -> str:
    return f"{goal.what:<58}{goal.value:>10.2f}{goal.at_least:>12}{goal.stretch:>12}"
