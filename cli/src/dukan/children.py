"""Child processes that end when this process does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from dukan import parent_death

PARENT_DEATH_SCRIPT = str(Path(parent_death.__file__))


def tie_to_parent(
    command: Sequence[str], on_death: signal.Signals = signal.SIGTERM, user: int = parent_death.KEEP_USER
) -> list[str]:
    """The command line that runs `command` and makes the kernel send it `on_death` when this process dies.

    Start it from the main thread: Linux takes the thread that forked as the parent.
    """
    if sys.platform == "win32":
        return list(command)
    return [sys.executable, "-I", "-S", PARENT_DEATH_SCRIPT, str(os.getpid()), str(int(on_death)), str(user), *command]


def spawn(
    command: Sequence[str],
    log: IO[bytes],
    env: Mapping[str, str] | None = None,
    *,
    on_death: signal.Signals = signal.SIGTERM,
    user: int = parent_death.KEEP_USER,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` tied to this process, in its own session, so that Ctrl-C does not reach it. `keep` are inherited
    fds.
    """
    return subprocess.Popen(
        tie_to_parent(command, on_death, user),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=env,
        pass_fds=() if sys.platform == "win32" else keep,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], within: float, first: signal.Signals = signal.SIGTERM) -> None:
    """Send `first`, and KILL if the process has not ended after `within` seconds."""
    if process.poll() is None:
        process.send_signal(first)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(ready: Callable[[], bool], within: float, every: float = 0.05) -> bool:
    """Poll `ready` for at most `within` seconds; False if it never became true."""
    deadline = time.monotonic() + within
    while not ready():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True
