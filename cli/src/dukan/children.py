"""Child processes that never outlive us."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from dukan import leash

LEASH = str(Path(leash.__file__))


def leashed(
    command: Sequence[str], on_death: signal.Signals = signal.SIGTERM, user: int = leash.KEEP_USER
) -> list[str]:
    """The command line that runs `command` and has the kernel send it `on_death` when we die, by whatever means.

    Start it from the main thread: Linux counts the thread that forked as the parent.
    """
    if sys.platform == "win32":
        return list(command)
    return [sys.executable, "-I", "-S", LEASH, str(os.getpid()), str(int(on_death)), str(user), *command]


def spawn(
    command: Sequence[str],
    log: IO[bytes],
    env: Mapping[str, str] | None = None,
    *,
    on_death: signal.Signals = signal.SIGTERM,
    user: int = leash.KEEP_USER,
    keep: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start `command` on the leash, in a session of its own: Ctrl-C reaches only us. `keep` are inherited fds."""
    return subprocess.Popen(
        leashed(command, on_death, user),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=env,
        pass_fds=() if sys.platform == "win32" else keep,
        start_new_session=True,
    )


def end(process: subprocess.Popen[bytes], within: float, first: signal.Signals = signal.SIGTERM) -> None:
    """Send `first`, then KILL after `within` seconds."""
    if process.poll() is None:
        process.send_signal(first)
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(ready: Callable[[], bool], within: float, every: float = 0.05) -> bool:
    """Poll `ready` for at most `within` seconds; False when it never held."""
    deadline = time.monotonic() + within
    while not ready():
        if time.monotonic() >= deadline:
            return False
        time.sleep(every)
    return True
