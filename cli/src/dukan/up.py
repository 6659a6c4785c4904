"""`dukan up`: start the platform and stop it again."""

import asyncio
import importlib
import logging
from collections.abc import Mapping
from contextlib import ExitStack
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Protocol

from common import logs
from common.persistence.database import Database
from dukan import loops, running_platform, screen, web
from dukan.databases import check, provision
from dukan.embedded import Embedded
from dukan.errors import ProvisionError
from dukan.installation import Platform
from dukan.migrations import migrate_all
from dukan.postgres import EmbeddedPostgres
from dukan.processes import Processes
from dukan.rabbitmq import answers
from dukan.services import GATEWAY, SERVICES

log = logging.getLogger(__name__)

READY_SECONDS = 60.0
WATCH_SECONDS = 0.5
MAX_LOG_BYTES = 20_000_000


class Runner(Protocol):
    """How the services run: `ended` completes when they no longer do."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def ended(self) -> None: ...


def run(data: Path, port: int, amqp: str | None, postgres: str | None, *, sample: bool) -> None:
    """Run until SIGINT or SIGTERM. Raises ProvisionError if something required is not available."""
    platform = Platform(data, port, amqp)
    platform.take()
    try:
        _check_servers(amqp, postgres)
    except ProvisionError:
        platform.abandon()
        raise
    try:
        _log_to_file(platform.logs / "dukan.log")
        with ExitStack() as stack:
            server = None if postgres else stack.enter_context(EmbeddedPostgres(platform.data / "postgres"))
            owner_url = server.url if server else str(postgres)
            loops.run(_run(platform, owner_url, server, sample=sample))
    finally:
        platform.release()


def _check_servers(amqp: str | None, postgres: str | None) -> None:
    """Raises ProvisionError if a server of the user does not answer: before anything of this platform is made."""
    if amqp and not answers(amqp):
        raise ProvisionError("no RabbitMQ answers at the --amqp URL")
    if postgres:
        loops.run(check(postgres))


async def _run(platform: Platform, owner_url: str, server: EmbeddedPostgres | None, *, sample: bool) -> None:
    stop = loops.stop_requested()
    urls = await provision(owner_url, SERVICES, platform.secrets)
    await migrate_all(urls)
    first = platform.is_new
    if first and sample:
        await _load_sample(platform, urls)
    runner: Runner = Processes(platform, urls) if platform.amqp else Embedded(platform, urls)
    try:
        await _start(runner, platform, stop)
        if not stop.done():
            loops.settle()
            running_platform.announce(platform)
            screen.welcome(platform, first=first)
            platform.secrets.remember(started="yes")
            await _until_stopped(runner, server, stop)
    finally:
        running_platform.withdraw(platform)
        await runner.stop()


async def _start(runner: Runner, platform: Platform, stop: asyncio.Task[None]) -> None:
    names = (*SERVICES, GATEWAY)
    urls = {platform.url_of(name): name for name in names}

    async def become_ready() -> None:
        await runner.start()
        if late := await web.wait_ready(list(urls), READY_SECONDS):
            raise ProvisionError(
                f"not ready after {READY_SECONDS:.0f} s: {', '.join(urls[u] for u in late)}; see {platform.logs}"
            )

    starting = asyncio.create_task(become_ready())
    await asyncio.wait([starting, stop], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        return starting.result()
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    return None


async def _until_stopped(runner: Runner, server: EmbeddedPostgres | None, stop: asyncio.Task[None]) -> None:
    ended = asyncio.create_task(runner.ended())
    watch = asyncio.create_task(_keep(server)) if server else None
    await asyncio.wait([stop, ended], return_when=asyncio.FIRST_COMPLETED)
    for task in (ended, watch):
        if task is not None:
            task.cancel()
    if not stop.done():
        raise ProvisionError("a service has stopped by itself; the log says why")


async def _keep(server: EmbeddedPostgres) -> None:
    """Restart a database server that has died (killed for memory, for instance), on the same port."""
    while True:
        await asyncio.sleep(WATCH_SECONDS)
        if not server.running:
            log.error("the database server has ended; starting it again")
            server.stop()
            # In this thread: the server ends with the thread that started it.
            server.start()


async def _load_sample(platform: Platform, urls: Mapping[str, str]) -> None:
    database = Database(urls["catalog"])
    try:
        await importlib.import_module("catalog.sample_data").load(database, str(platform.data))
    finally:
        await database.close()


def _log_to_file(path: Path) -> None:
    """Log everything to a file, errors to the terminal too."""
    logs.configure("INFO")
    for_file = RotatingFileHandler(path, maxBytes=MAX_LOG_BYTES, backupCount=2)
    for_file.setFormatter(logs.JsonFormatter())
    for handler in logging.root.handlers:
        handler.setLevel(logging.ERROR)
    logging.root.addHandler(for_file)
