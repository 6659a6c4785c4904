"""A temporary platform: started in a temporary folder on free ports, stopped and removed afterwards."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from dukan import running_platform
from dukan.errors import ProvisionError
from dukan.ports import is_free
from dukan.running_platform import RunningPlatform
from dukan.services import PORTS

START_SECONDS = 90.0
STOP_SECONDS = 15.0


@contextmanager
def temporary_platform(*options: str, environment: Mapping[str, str] | None = None) -> Iterator[RunningPlatform]:
    """`dukan up` with these options and variables, in a process of its own. Raises ProvisionError with its output."""
    with tempfile.TemporaryDirectory(prefix="dukan-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        with (data / "up.log").open("w") as log:
            command = [sys.executable, "-m", "dukan", "up", "--data", str(data), "--port", str(free_range()), *options]
            # Its own home: other commands do not find it as a platform that was started from here.
            env = {**os.environ, "DUKAN_HOME": folder, **(environment or {})}
            process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
            try:
                yield _wait(process, data)
            finally:
                _stop(process)


def _wait(process: subprocess.Popen[bytes], data: Path) -> RunningPlatform:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ProvisionError((data / "up.log").read_text().strip() or "the platform did not start")
        if platform := running_platform.find(data):
            return platform
        time.sleep(0.1)
    raise ProvisionError(f"the platform was not ready after {START_SECONDS:.0f} s")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM if os.name == "posix" else signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def free_range() -> int:
    """A port whose successors are free too: the services use those.

    Below the range of ephemeral ports, so that no outgoing connection takes one meanwhile.
    """
    for _ in range(50):
        port = random.randrange(10_000, 32_000, len(PORTS))  # noqa: S311  (a port is no secret)
        if all(is_free(port + offset) for offset in PORTS.values()):
            return port
    raise ProvisionError("no eight free ports in a row")
