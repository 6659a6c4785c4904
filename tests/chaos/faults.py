"""What a fault is, and the stage on which it strikes."""

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
from tests.chaos.proxy import Proxy
from tests.chaos.record import Record
from tests.chaos.shoppers import Shopper
from tests.e2e.platform import Platform


class NotInjectedError(Exception):
    """The fault could not be brought about: nothing was proved, which counts as a failure of the run."""


class Fault(Protocol):
    """One way in which the world can go wrong."""

    @property
    def name(self) -> str:
        """Short and unique; what `--faults` takes and the table shows."""
        ...

    async def strike(self, stage: "Stage", rng: Random) -> None:
        """Inject it and undo it; returns when everything outside the platform is whole again.

        Every choice comes from `rng`. Whether the platform recovers from it is not for the fault to wait for: the
        harness measures from here on until a checkout is confirmed again. Raises NotInjectedError.
        """
        ...


@dataclass
class Stage:
    """A running platform and everything around it that can be broken.

    The services reach the broker through `amqp_link` and the databases through `postgres_link`; `direct_amqp_url` and
    `sql` go past both. They run with DUKAN_CHAOS=`inject` and `inject/boot` of the source tree on PYTHONPATH, and so
    does everything that `shop` starts: look at `sys.orig_argv` for `serve <name>`.
    """

    shop: Platform
    broker: PrivateRabbit
    postgres: EmbeddedPostgres
    amqp_link: Proxy
    postgres_link: Proxy
    record: Record
    inject: Path
    servers: ThreadPoolExecutor
    """One thread that lives as long as the harness: broker and database end with the thread that started them."""
    customer: Shopper
    """Signed in, and no part of the load."""
    product: str
    """Never sold out."""
    planted: set[str] = field(default_factory=set)
    """Ids of events that a fault put on the bus itself: no outbox holds them, and that is no breach."""

    @property
    def direct_amqp_url(self) -> str:
        return self.broker.url

    async def outside(self, work: Callable[[], object]) -> None:
        """Run blocking work that starts or ends broker or database, while the load goes on."""
        await asyncio.get_running_loop().run_in_executor(self.servers, work)

    def pid_of(self, service: str) -> int:
        """Of the process that serves it now. Raises NotInjectedError when there is none."""
        pid = serving(self.shop, service)
        if pid is None:
            raise NotInjectedError(f"{service} does not run")
        return pid

    async def sql(self, service: str, query: str, *values: Any) -> list[Any]:
        """Rows of a service's database."""
        return await self.shop.sql(service, query, *values)


def armed(inject: Path) -> dict[str, str]:
    """The environment with which services are started."""
    boot = str(Path(__file__).parent / "inject" / "boot")
    path = os.pathsep.join(filter(None, (boot, os.environ.get("PYTHONPATH"))))
    return os.environ | {"PYTHONPATH": path, "DUKAN_CHAOS": str(inject)}


def serving(shop: Platform, service: str) -> int | None:
    """The process id of one service under the supervisor."""
    if shop.process is None:
        return None
    return next((pid for pid in children_of(shop.process.pid) if _serves(pid, service)), None)


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
