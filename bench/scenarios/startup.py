"""From `dukan up` to a ready platform, on an empty data folder and on one that was used before."""

import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

from bench.context import BenchContext, Unavailable
from bench.rows import Row, missing
from dukan import running_platform
from dukan.children import end, spawn, wait_until
from dukan.temporary import free_range

READY_SECONDS = 120.0
STOP_SECONDS = 20.0


async def startup(context: BenchContext) -> AsyncIterator[Row]:
    """Cold and warm, embedded and in processes (with a broker that runs already)."""
    for mode in ("embedded", "processes"):
        try:
            options = ["--amqp", context.broker] if mode == "processes" else []
        except Unavailable as reason:
            yield missing(f"ready, {mode}", "s", str(reason))
            continue
        data = context.folder(f"startup-{mode}")
        for state in ("cold", "warm"):
            yield Row(f"ready, {mode}, {state}", _seconds_to_ready(data, options), "s")


def _seconds_to_ready(data: Path, options: list[str]) -> float:
    """Start, wait until ready, stop."""
    command = [sys.executable, "-m", "dukan", "up", "--data", str(data), "--port", str(free_range()), *options]
    started = time.monotonic()
    with (data / "up.log").open("ab") as log:
        process = spawn(command, log)
    try:
        is_ready = wait_until(
            lambda: running_platform.find(data) is not None or process.poll() is not None, READY_SECONDS, 0.02
        )
        seconds = time.monotonic() - started
        if not is_ready or process.poll() is not None:
            raise subprocess.SubprocessError(f"`dukan up` did not become ready: {(data / 'up.log').read_text()[-300:]}")
        return seconds
    finally:
        end(process, STOP_SECONDS)
