"""The definition of a fault, and the environment in which it is injected."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Protocol

from dukan.postgres import EmbeddedPostgres
from dukan.rabbitmq import PrivateRabbit
from tests.chaos.customers import RetryingCustomer
from tests.chaos.proxy import Proxy
from tests.chaos.record import Record
from tests.e2e.platform import Platform


class NotInjectedError(Exception):
    """The fault could not be injected: nothing was proved, so the run fails."""


class Fault(Protocol):
    """One kind of fault."""

    @property
    def name(self) -> str:
        """Short and unique; the name for `--faults` and in the table."""
        ...

    async def inject(self, environment: "Environment", rng: Random) -> None:
        """Inject the fault and undo it; returns when everything outside the platform works again.

        Every choice is made by `rng`. The fault does not wait for the platform to recover: the harness measures from
        its end until a checkout is confirmed again. Raises NotInjectedError.
        """
        ...


@dataclass
class Environment:
    """A running platform and everything around it that can fail.

    The services reach the broker through `amqp_link` and the databases through `postgres_link`; `direct_amqp_url` and
    `sql` bypass both. They run with DUKAN_CHAOS=`inject` and `inject/boot` of the source tree on PYTHONPATH, as does
    every process that the platform starts: `sys.orig_argv` shows `serve <name>`.
    """

    platform: Platform
    broker: PrivateRabbit
    postgres: EmbeddedPostgres
    amqp_link: Proxy
    postgres_link: Proxy
    record: Record
    inject: Path
    servers: ThreadPoolExecutor
    """One thread that lives as long as the harness: broker and database end with the thread that started them."""
    customer: RetryingCustomer
    """A signed-in customer that is not part of the load."""
    product: str
    """A product that does not sell out."""
    direct_event_ids: set[str] = field(default_factory=set)
    """Ids of events that a fault published itself: they are in no outbox, which is no violation."""

    @property
    def direct_amqp_url(self) -> str:
        return self.broker.url

    async def outside(self, work: Callable[[], object]) -> None:
        """Run a blocking function that starts or stops broker or database, while the load continues."""
        await asyncio.get_running_loop().run_in_executor(self.servers, work)

    def pid_of(self, service: str) -> int:
        """The pid of the process that runs the service now. Raises NotInjectedError if there is none."""
        pid = pid_of(self.platform, service)
        if pid is None:
            raise NotInjectedError(f"{service} does not run")
        return pid

    async def sql(self, service: str, query: str, *values: Any) -> list[Any]:
        """Rows of a service's database."""
        return await self.platform.sql(service, query, *values)


def fault_environment(inject: Path) -> dict[str, str]:
    """The environment of the services."""
    boot = str(Path(__file__).parent / "inject" / "boot")
    path = os.pathsep.join(filter(None, (boot, os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path, "DUKAN_CHAOS": str(inject)}


def pid_of(platform: Platform, service: str) -> int | None:
    """The pid of a service under the supervisor."""
    if platform.process is None:
        return None
    return next((pid for pid in children_of(platform.process.pid) if _serves(pid, service)), None)


def children_of(parent: int) -> list[int]:
    listed = (entry for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [int(entry.name) for entry in listed if _parent_of(entry) == parent]


def _parent_of(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def _serves(pid: int, service: str) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return "serve" in words and service in words
