"""One process of a service, from start to stop."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

from fastapi import FastAPI

from common import logs, telemetry
from common.bus.runtime import Runtime
from common.bus.subscriptions import collect
from common.bus.transport import Transport
from common.events.cloudevent import CloudEvent
from common.jobs import run_jobs
from common.security.tokens import TokenVerifier
from common.security.verification import VerifierRefresh, http_verifier
from common.web.health import Check
from common.web.service import Listener, Service

log = logging.getLogger(__name__)

Role = Literal["all", "api", "worker"]


class Process:
    """Starts what the role needs, in order, and stops it in reverse."""

    def __init__(self, service: Service, transport: Transport, role: Role) -> None:
        self._service = service
        self._transport = transport
        self._role = role
        self._verifier: TokenVerifier | None = None
        consumers = collect(*service.subscribers)
        self._runtime = Runtime(service.name, service.database, transport, consumers)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        logs.service_name.set(self._service.name)
        async with AsyncExitStack() as stack:
            telemetry.start(self._service.name, self._service.settings.otel_endpoint)
            stack.push_async_callback(asyncio.to_thread, telemetry.stop, self._service.name)
            stack.push_async_callback(self._service.database.close)
            for resource in self._service.resources:
                await stack.enter_async_context(resource)
            await self._serve_requests(app, stack)
            await self._run_in_background(stack)
            yield

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
            await stack.enter_async_context(run_jobs(self._service.name, self._service.jobs))

    async def _listen(self, listener: Listener) -> None:
        types = {event.type: event for event in listener.types}

        def hear(envelope: CloudEvent) -> None:
            try:
                listener.handle(types[envelope.type].model_validate_json(envelope.data))
            except Exception:
                log.exception("a listener failed on %s", envelope.type)

        await self._transport.listen(list(types), hear)

    def checks(self) -> dict[str, Check]:
        """What readiness asks."""
        checks: dict[str, Check] = {"database": self._database_answers, "bus": self._bus_runs}
        return checks if self._role == "worker" else checks | {"identity": self._identity_known}

    async def _database_answers(self) -> bool:
        async with self._service.database.begin() as tx:
            return bool(await tx.sql.fetchval("SELECT true"))

    async def _bus_runs(self) -> bool:
        return self._transport.connected and not self._runtime.failed

    async def _identity_known(self) -> bool:
        return self._verifier is not None and self._verifier.ready
