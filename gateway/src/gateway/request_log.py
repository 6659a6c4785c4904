"""What was answered, as RequestsLogged events in batches, straight to the bus.

The gateway has no database and thus no outbox: while the bus is away the newest requests are kept, up to a bound,
and what does not fit is counted as dropped. A request log may have gaps; an order may not.
"""

import asyncio
import contextlib
import logging
import re
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import UUID

from common import clock, metrics
from common.bus.envelope import Envelope
from common.bus.transport import Outgoing, Transport
from common.contracts.gateway import LoggedRequest, RequestsLogged
from common.ids import new_id

log = logging.getLogger(__name__)

BATCH = 200
EVERY = 1.0
KEPT = 10_000
PUBLISH_TIMEOUT = 5.0

# Paths may hold one-time tokens; ids are shorter than these.
TOKEN = re.compile(r"[^/]{41,}")
LONGEST_PATH = 500
LONGEST_AGENT = 200


class RequestLog:
    """Collects and publishes. `add` is called once per request and does nearly nothing."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._waiting: deque[LoggedRequest] = deque()
        self._full = asyncio.Event()

    def add(self, request: LoggedRequest) -> None:
        if len(self._waiting) >= KEPT:
            self._waiting.popleft()
            metrics.REQUEST_LOG_DROPPED.inc()
        self._waiting.append(request)
        if len(self._waiting) >= BATCH:
            self._full.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish in the background while the block runs, and what is left at its end."""
        task = asyncio.create_task(self._run(), name="request-log")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self._flush()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._full.wait(), EVERY)
            self._full.clear()
            if not await self._flush():
                await asyncio.sleep(EVERY)

    async def _flush(self) -> bool:
        """Publish all that waits; False when the bus is away."""
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not await self._publish(batch):
                self._waiting.extendleft(reversed(batch))
                return False
        return True

    async def _publish(self, batch: list[LoggedRequest]) -> bool:
        event = RequestsLogged(batch_id=new_id(), requests=tuple(batch))
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                outcomes = await self._transport.publish([Outgoing(Envelope.of(event))])
        except Exception as error:
            log.warning("the request log waits: %r", error)
            return False
        if outcomes[0] is not None:
            # The broker is there and wants it no more than before: keeping the batch would block the next ones.
            metrics.REQUEST_LOG_DROPPED.inc(len(batch))
        return True


def logged(
    *,
    request_id: str,
    method: str,
    path: str,
    status: int,
    seconds: float,
    service: str | None,
    user_id: UUID | None,
    ip: str,
    user_agent: str | None,
) -> LoggedRequest:
    """An entry of the log: when it began, and nothing that could be a secret. Trusts its caller, so unvalidated."""
    return LoggedRequest.model_construct(
        request_id=request_id,
        at=clock.now() - timedelta(seconds=seconds),
        method=method[:20],
        path=TOKEN.sub("***", path)[:LONGEST_PATH],
        status=status,
        duration_ms=round(seconds * 1000, 2),
        service=service,
        user_id=user_id,
        ip=ip,
        user_agent=user_agent[:LONGEST_AGENT] if user_agent else None,
    )
