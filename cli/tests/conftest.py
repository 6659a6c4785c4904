import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Python = Callable[..., subprocess.Popen[str]]


def is_running(pid: int) -> bool:
    """Whether the process exists and is more than an entry that nobody has collected."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


@pytest.fixture
def python() -> Iterator[Python]:
    """Start Python on a piece of source; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start(source: str, *arguments: str | Path) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", source, *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
