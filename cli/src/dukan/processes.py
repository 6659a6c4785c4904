"""Gateway and services as one supervised process each, over RabbitMQ."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from dukan.errors import ProvisionError
from dukan.installation import Platform
from dukan.services import GATEWAY, SERVICES, settings_of
from dukan.supervise import Child, Supervisor
from dukan.web import RELEASE_SECONDS

log = logging.getLogger(__name__)

MODULE = [sys.executable, "-m", "dukan"]
TOPOLOGY_SECONDS = 60


@dataclass
class Processes:
    """Runs everything on `platform`'s ports; `urls` is service → database."""

    platform: Platform
    urls: Mapping[str, str]
    _supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        children = [self._child(name) for name in (*SERVICES, GATEWAY)]
        drain: float = settings_of(GATEWAY, **self.platform.settings_of(GATEWAY)).drain_seconds
        self._supervisor = Supervisor(children, log.error, stop_seconds=drain + RELEASE_SECONDS)

    async def start(self) -> None:
        await self._declare_topology()
        self._supervisor.start()

    async def stop(self) -> None:
        await self._supervisor.stop()

    async def ended(self) -> None:
        """Never returns: a process that ends is started again."""
        await asyncio.Event().wait()

    async def _declare_topology(self) -> None:
        """Declare every queue before the first service publishes: earlier events would be unroutable."""
        command = [*MODULE, "topology", "--declare"]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env=self._environment("auth"),
            capture_output=True,
            text=True,
            check=False,
            timeout=TOPOLOGY_SECONDS,
        )
        if done.returncode != 0:
            raise ProvisionError(f"the queues cannot be declared: {done.stderr.strip().splitlines()[-1:]}")

    def _child(self, name: str) -> Child:
        return Child(name, [*MODULE, "serve", name], self._environment(name), self.platform.logs / f"{name}.log")

    def _environment(self, name: str) -> dict[str, str]:
        values = self.platform.settings_of(name, self.urls.get(name))
        return os.environ | {f"DUKAN_{field.upper()}": value for field, value in values.items()}
