"""Process data from /proc: parents, CPU time, memory. Linux only; elsewhere everything is empty."""

import os
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100

LOAD = "load"


@dataclass(frozen=True, slots=True)
class Memory:
    """In MB. `own` is PSS: shared pages count by their share."""

    resident: float
    own: float


def tree(pid: int) -> list[int]:
    """The process and its descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    for each in _pids():
        children[_parent(each)].append(each)
    found, waiting = [], [pid]
    while waiting:
        found.append(waiting.pop())
        waiting += children[found[-1]]
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time of processes so far; a process that has ended counts nothing."""
    ticks = 0
    for pid in pids:
        if fields := _stat(pid):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICK


def memory(pid: int) -> Memory | None:
    try:
        rollup = (PROC / str(pid) / "smaps_rollup").read_text()
    except OSError:
        return None
    return Memory(_bytes(rollup, "Rss") / 1e6, _bytes(rollup, "Pss") / 1e6)


def platform_processes(pid: int) -> dict[str, list[int]]:
    """The processes of `dukan up` (this pid) by name: each service, PostgreSQL with its backends, `up` itself."""
    named: dict[str, list[int]] = defaultdict(list)
    for each in tree(pid):
        command = _command(each)
        found = re.search(r"dukan serve (\w+)", command)
        name = found.group(1) if found else "postgres" if "postgres" in command else "up" if each == pid else "other"
        named[name].append(each)
    return dict(named)


def everything(platform: int) -> dict[str, list[int]]:
    """The platform's processes, a private broker and this process, which generates the load."""
    broker = [pid for pid in tree(os.getpid()) if "beam" in _command(pid)]
    return platform_processes(platform) | {"rabbitmq": broker, LOAD: [os.getpid()]}


class CpuMeter:
    """CPU seconds by name since its creation."""

    def __init__(self, processes: Mapping[str, Iterable[int]]) -> None:
        self._processes = {name: list(pids) for name, pids in processes.items()}
        self._before = self._now()

    def _now(self) -> dict[str, float]:
        return {name: cpu_seconds(pids) for name, pids in self._processes.items()}

    def spent(self) -> dict[str, float]:
        return {name: now - self._before[name] for name, now in self._now().items()}

    def per(self, count: float) -> dict[str, float]:
        """Microseconds of CPU per operation, by name and in total; the load generator is excluded from the total."""
        each = {name: round(seconds / count * 1e6, 1) for name, seconds in self.spent().items()} if count else {}
        return each | {"total": round(sum(each.values()) - each.get(LOAD, 0.0), 1)}


def _pids() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal()] if PROC.exists() else []


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _stat(pid: int) -> list[str] | None:
    """The fields after the command, whose name may contain spaces."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _command(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _bytes(rollup: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+)", rollup, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0
