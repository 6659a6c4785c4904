"""One child process per service, restarted with growing pauses."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from common.jobs import Backoff
from dukan.children import end, spawn

POLL_SECONDS = 0.1
RESTART_BACKOFF = Backoff(0.5, 1, 2, 4, 8, 16, 30)
# A process that ran this long was healthy: its next pause is the first one again.
HEALTHY_SECONDS = 30.0


@dataclass
class Child:
    """A command that must always run; its output is appended to `log`."""

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    _started_at: float = 0.0
    _start_at: float = 0.0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        self._started_at = time.monotonic()
        with self.log.open("ab") as log:
            # KILL, so that the ports are free at once; services survive a crash at any point.
            self.process = spawn(self.command, log, self.env, on_death=signal.SIGKILL)

    def look(self) -> str | None:
        """Start the process again if its pause is over; returns a message for the log."""
        if self.running:
            return None
        if self.process is None:
            if time.monotonic() >= self._start_at:
                self.start()
            return None
        code, ran = self.process.returncode, time.monotonic() - self._started_at
        self.process = None
        self.failures = 1 if ran > HEALTHY_SECONDS else self.failures + 1
        pause = RESTART_BACKOFF.after(self.failures)
        self._start_at = time.monotonic() + pause
        return f"{self.name} ended (code {code}); starting it again in {pause:g} s, see {self.log}"


@dataclass
class Supervisor:
    children: Sequence[Child]
    tell: Callable[[str], None]
    stop_seconds: float = 3.0
    _watch: asyncio.Task[None] | None = field(default=None, init=False)

    def start(self) -> None:
        for child in self.children:
            child.start()
        self._watch = asyncio.create_task(self._keep(), name="supervisor")

    async def _keep(self) -> None:
        while True:
            for child in self.children:
                if (news := child.look()) is not None:
                    self.tell(news)
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """TERM to all at once; KILL after `stop_seconds`."""
        if self._watch is not None:
            self._watch.cancel()
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + self.stop_seconds
        for process in running:
            await asyncio.to_thread(end, process, max(0.0, deadline - time.monotonic()))
