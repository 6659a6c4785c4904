import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from common.testing import eventually
from dukan.supervise import RESTART_BACKOFF, Child, Supervisor

from .conftest import Python, is_running

STAYS = "import time; time.sleep(60)"
FAILS_ONCE = """
import pathlib, sys, time
seen = pathlib.Path(sys.argv[1])
if not seen.exists():
    seen.touch()
    sys.exit(3)
time.sleep(60)
"""
IGNORES_TERM = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""
SUPERVISES = """
import sys
from pathlib import Path
from dukan.supervise import Child
child = Child("child", [sys.executable, "-c", "import time; time.sleep(60)"], {}, Path(sys.argv[1]))
child.start()
print(child.process.pid, flush=True)
import time; time.sleep(60)
"""

Supervise = Callable[..., Supervisor]


def when(condition: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def ask() -> bool:
        return condition()

    return ask


@pytest.fixture
async def supervise(tmp_path: Path) -> AsyncIterator[Supervise]:
    supervisors: list[Supervisor] = []

    def start(source: str, *arguments: Path, told: list[str] | None = None, stop_seconds: float = 3.0) -> Supervisor:
        command = [sys.executable, "-c", source, *map(str, arguments)]
        child = Child("child", command, os.environ, tmp_path / "child.log")
        supervisors.append(Supervisor([child], ([] if told is None else told).append, stop_seconds))
        supervisors[-1].start()
        return supervisors[-1]

    yield start
    for supervisor in supervisors:
        await supervisor.stop()


async def test_a_child_that_fails_is_started_again_and_its_end_is_told(supervise: Supervise, tmp_path: Path) -> None:
    told: list[str] = []
    child = supervise(FAILS_ONCE, tmp_path / "seen", told=told).children[0]
    await eventually(when(lambda: bool(told) and child.running))
    assert "child ended (code 3); starting it again in 0.5 s" in told[0]


async def test_a_killed_child_comes_back_as_another_process(supervise: Supervise) -> None:
    child = supervise(STAYS).children[0]
    assert child.process is not None
    first = child.process.pid
    os.kill(first, signal.SIGKILL)
    await eventually(when(lambda: child.running and child.process is not None and child.process.pid != first))


def test_pauses_double_up_to_half_a_minute() -> None:
    assert [RESTART_BACKOFF.after(failures) for failures in (1, 2, 3, 7, 50)] == [0.5, 1.0, 2.0, 30.0, 30.0]


async def test_a_child_that_ignores_term_is_killed_at_the_end(supervise: Supervise, tmp_path: Path) -> None:
    supervisor = supervise(IGNORES_TERM, tmp_path / "ignoring", stop_seconds=0.2)
    await eventually(when((tmp_path / "ignoring").exists))
    process = supervisor.children[0].process
    await supervisor.stop()
    assert process is not None
    assert process.returncode == -signal.SIGKILL


async def test_children_end_when_their_supervisor_is_killed(python: Python, tmp_path: Path) -> None:
    supervisor = python(SUPERVISES, tmp_path / "child.log")
    assert supervisor.stdout is not None
    pid = int(await asyncio.to_thread(supervisor.stdout.readline))
    supervisor.kill()
    await eventually(when(lambda: not is_running(pid)))
