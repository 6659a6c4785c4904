"""One process of a service, from start to stop."""

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Literal

from fastapi import FastAPI

from common import logs, telemetry
from common.bus.runtime import Runtime
from common.bus.subscriptions import collect
from common.bus.transport import Transport
from common.events.cloudevent import CloudEvent
from common.jobs import Job, run_jobs
from common.persistence.probe import Probe
from common.security.tokens import TokenVerifier
from common.security.verification import VerifierRefresh, http_verifier
from common.web import idempotency
from common.web.health import Check
from common.web.service import Listener, Service

log = logging.getLogger(__name__)

PURGE_KEYS_SECONDS = 60.0

MIN_FREE_BYTES = 10 * 1024 * 1024
"""Room for one upload."""

Role = Literal["all", "api", "worker"]


class Process:
    """Starts what the role needs, in order, and stops it in reverse."""

    def __init__(self, service: Service, transport: Transport, role: Role) -> None:
        self._service = service
        self._transport = transport
        self._role = role
        self._verifier: TokenVerifier | None = None
        consumers = collect(*service.subscribers)
        self._probe = Probe(service.database.url, service.database.disk_full)
        self._runtime = Runtime(service.name, service.database, transport, consumers)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        logs.service_name.set(self._service.name)
        async with AsyncExitStack() as stack:
            self._start_telemetry()
            stack.push_async_callback(asyncio.to_thread, telemetry.stop, self._service.name)
            stack.push_async_callback(self._service.database.close)
            stack.push_async_callback(self._probe.close)
            for resource in self._service.resources:
                await stack.enter_async_context(resource)
            await self._serve_requests(app, stack)
            await self._run_in_background(stack)
            yield

    def _start_telemetry(self) -> None:
        settings = self._service.settings
        telemetry.start(self._service.name, settings.otel_endpoint, settings.trace_sample_ratio)

    async def _serve_requests(self, app: FastAPI, stack: AsyncExitStack) -> None:
        if self._role == "worker":
            return
        verifier = self._service.verifier
        if verifier is None:
            verifier = await stack.enter_async_context(http_verifier(self._service.settings))
        self._verifier = app.state.verifier = verifier
        verification = VerifierRefresh(verifier)
        await self._listen(Listener(VerifierRefresh.EVENTS, verification.on_event))
        await stack.enter_async_context(run_jobs(self._service.name, verification.jobs))

    async def _run_in_background(self, stack: AsyncExitStack) -> None:
        for listener in self._service.listeners:
            await self._listen(listener)
        # Stopped even when its start fails half-way.
        stack.push_async_callback(self._runtime.stop)
        await self._runtime.start(workers=self._role != "api")
        if self._role != "api":
            jobs = [*self._service.jobs, self._purge_keys()]
            await stack.enter_async_context(run_jobs(self._service.name, jobs))

    def _purge_keys(self) -> Job:
        database = self._service.database
        return Job("idempotency.purge", PURGE_KEYS_SECONDS, lambda: idempotency.purge(database))

    async def _listen(self, listener: Listener) -> None:
        types = {event.type: event for event in listener.types}

        def handle(cloud_event: CloudEvent) -> None:
            try:
                listener.handle(types[cloud_event.type].model_validate_json(cloud_event.data))
            except Exception:
                log.exception("a listener failed on %s", cloud_event.type)

        await self._transport.listen(list(types), handle)

    def readiness(self) -> dict[str, Check]:
        """What readiness asks: whether this process can do its work.

        Not whether the broker is there. Reading and signing in need none, and an order waits in the outbox.
        """
        checks: dict[str, Check] = {
            "accepting": self._is_accepting,
            "database": self._probe.answers,
            "disk": self._has_room,
            "tasks": self._tasks_run,
        }
        if self._role == "worker":
            return checks | {"consumers": self._consumers_run}
        # An API serves requests whatever its consumers do.
        return checks | {"identity": self._identity_known}

    def other_checks(self) -> dict[str, Check]:
        return {"broker": self._broker_connected}

    async def _is_accepting(self) -> bool:
        return not self._service.drain.has_begun

    async def _has_room(self) -> bool:
        return await self._probe.has_room() and await asyncio.to_thread(_all_have_room, self._service.folders)

    async def _tasks_run(self) -> bool:
        return not self._runtime.failed

    async def _broker_connected(self) -> bool:
        return self._transport.connected

    async def _consumers_run(self) -> bool:
        """False while a consumer is stopped at its limit of dead letters: a rollout of a broken handler halts."""
        return not self._runtime.stopped

    async def _identity_known(self) -> bool:
        return self._verifier is not None and self._verifier.ready


def _all_have_room(folders: Sequence[Path]) -> bool:
    return all(_has_room(folder) for folder in folders)


def _has_room(folder: Path) -> bool:
    """Whether the disk has room for a file; of a folder that does not exist yet, its parent's disk."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return shutil.disk_usage(folder).free >= MIN_FREE_BYTES
