"""What was answered, as RequestsLogged events in batches, straight to the bus.

The gateway has no database and thus no outbox: while the bus is away the newest requests are kept, up to a bound,
and what does not fit is counted as dropped. A request log may have gaps; an order may not.
"""

import asyncio
import contextlib
import logging
import re
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from common import clock, metrics
from common.bus.transport import OutboundEvent, Transport
from common.contracts.gateway import RequestsLogged
from common.events.cloudevent import CloudEvent
from common.ids import new_id

log = logging.getLogger(__name__)

BATCH = 200
EVERY = 1.0
KEPT = 10_000
PUBLISH_TIMEOUT = 5.0

# Paths may hold one-time tokens; ids are shorter than these.
SHORTEST_TOKEN = 41
TOKEN = re.compile(rf"[^/]{{{SHORTEST_TOKEN},}}")
LONGEST_PATH = 500
LONGEST_AGENT = 200

Entry = dict[str, Any]
"""The fields of a LoggedRequest: validated when it is published, which costs less than a model per request."""


class RequestLog:
    """Collects and publishes. `add` is called once per request and does nearly nothing."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._waiting: deque[Entry] = deque()
        self._alike: dict[Hashable, Entry] = {}
        self._full = asyncio.Event()

    def add(self, entry: Entry, alike: Hashable = None) -> None:
        """Take an entry; `alike` names requests that may be counted in it instead of having their own."""
        if len(self._waiting) >= KEPT:
            metrics.REQUEST_LOG_DROPPED.inc(self._waiting.popleft()["times"])
            self._alike.clear()
        self._waiting.append(entry)
        if alike is not None:
            self._alike[alike] = entry
        if len(self._waiting) >= BATCH:
            self._full.set()

    def counts(self, alike: Hashable) -> bool:
        """Whether a request like this waits to be published: then this one is counted with it."""
        if (entry := self._alike.get(alike)) is None:
            return False
        entry["times"] += 1
        return True

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
        self._alike.clear()
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            if not await self._publish(batch):
                self._waiting.extendleft(reversed(batch))
                return False
        return True

    async def _publish(self, batch: list[Entry]) -> bool:
        event = RequestsLogged.model_validate({"batch_id": new_id(), "requests": batch})
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT):
                outcomes = await self._transport.publish([OutboundEvent(CloudEvent.of(event))])
        except Exception as error:
            log.warning("the request log waits: %r", error)
            return False
        if outcomes[0] is not None:
            # The broker is there and wants it no more than before: keeping the batch would block the next ones.
            metrics.REQUEST_LOG_DROPPED.inc(sum(entry["times"] for entry in batch))
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
) -> Entry:
    """An entry of the log: when it began, and nothing that could be a secret."""
    return {
        "request_id": request_id,
        "at": clock.now() - timedelta(seconds=seconds),
        "method": method[:20],
        "path": _readable(path),
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "service": service,
        "user_id": user_id,
        "ip": ip,
        "user_agent": user_agent[:LONGEST_AGENT] if user_agent else None,
        "times": 1,
    }


def _readable(path: str) -> str:
    """Without tokens, and without the NUL that PostgreSQL refuses: one would cost all that share its batch."""
    path = path.replace("\0", "\ufffd")
    return TOKEN.sub("***", path)[:LONGEST_PATH] if len(path) >= SHORTEST_TOKEN else path
