"""What a server costs: CPU time and memory of its processes, read from /proc; and pinning to a core."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One line of /proc/PID/stat. cpu_ticks counts the children that ended and were waited for too."""

    pid: int
    parent: int
    cpu_ticks: int


def cpu_milliseconds(root: int) -> float:
    """Return the CPU time, user and system, of a process, its descendants and those that ended."""
    return sum(process.cpu_ticks for process in list_tree(root)) * 1000 / _TICKS_PER_SECOND


def worker_memory_megabytes(root: int) -> float:
    """Return the resident memory of the largest process without children, in MB of 10^6 bytes."""
    tree = list_tree(root)
    parents = {process.parent for process in tree}
    return max(_resident_bytes(process.pid) for process in tree if process.pid not in parents) / 1e6


def list_tree(root: int) -> list[Process]:
    """Return a process and its descendants, parents first."""
    everyone = list(_list_processes())
    tree = [process for process in everyone if process.pid == root]
    for member in tree:  # grows while it is walked: children of children
        tree.extend(process for process in everyone if process.parent == member.pid)
    return tree


@contextlib.contextmanager
def pinned_to(core: int) -> Iterator[None]:
    """Start what is started inside on one core: a child inherits its parent's affinity."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def stop(process: subprocess.Popen, grace_seconds: float = 10) -> None:
    """End a process that was started as the leader of its own session, and all it started."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace_seconds)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _list_processes() -> Iterator[Process]:
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            # The name in parentheses may hold blanks; behind it stand fields 3 and up of proc_pid_stat(5).
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            yield Process(int(folder.name), int(fields[1]), sum(map(int, fields[11:15])))


def _resident_bytes(pid: int) -> int:
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
