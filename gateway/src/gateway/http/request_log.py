"""The request log: RequestsLogged events in batches, published straight to the bus.

The gateway has no database and thus no outbox. While the bus is unavailable the newest entries are buffered up to a
bound; entries beyond it are dropped and counted. Gaps are acceptable in a request log, unlike in orders.
"""

import asyncio
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
from common.jobs import background, wait

log = logging.getLogger(__name__)

BATCH_SIZE = 200
FLUSH_SECONDS = 1.0
MAX_PENDING = 10_000
PUBLISH_TIMEOUT_SECONDS = 5.0

# Paths may contain one-time tokens; ids are shorter than these.
MIN_TOKEN_LENGTH = 41
TOKEN = re.compile(rf"[^/]{{{MIN_TOKEN_LENGTH},}}")
MAX_PATH_LENGTH = 500
MAX_USER_AGENT_LENGTH = 200

Entry = dict[str, Any]
"""The fields of a LoggedRequest. Validated on publishing, which costs less than a model per request."""


class RequestLog:
    """Collects and publishes entries. `add` runs once per request and costs next to nothing."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._pending: deque[Entry] = deque()
        self._groups: dict[Hashable, Entry] = {}
        self._batch_is_full = asyncio.Event()

    def add(self, entry: Entry, group: Hashable = None) -> None:
        """Add an entry. With `group`, `add_to_group` may count equal requests in it."""
        if len(self._pending) >= MAX_PENDING:
            metrics.REQUEST_LOG_DROPPED.inc(self._pending.popleft()["times"])
            self._groups.clear()
        self._pending.append(entry)
        if group is not None:
            self._groups[group] = entry
        if len(self._pending) >= BATCH_SIZE:
            self._batch_is_full.set()

    def add_to_group(self, group: Hashable) -> bool:
        """Count one more request in the pending entry of this group; False if there is none."""
        if (entry := self._groups.get(group)) is None:
            return False
        entry["times"] += 1
        return True

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Publish in the background while the block runs, and flush at its end."""
        try:
            async with background({"request-log": self._run()}):
                yield
        finally:
            await self._flush()

    async def _run(self) -> None:
        while True:
            await wait(self._batch_is_full, FLUSH_SECONDS)
            self._batch_is_full.clear()
            if not await self._flush():
                await asyncio.sleep(FLUSH_SECONDS)

    async def _flush(self) -> bool:
        """Publish all pending entries; False if the bus is unavailable."""
        self._groups.clear()
        while self._pending:
            batch = [self._pending.popleft() for _ in range(min(BATCH_SIZE, len(self._pending)))]
            if not await self._publish(batch):
                self._pending.extendleft(reversed(batch))
                return False
        return True

    async def _publish(self, batch: list[Entry]) -> bool:
        event = RequestsLogged.model_validate({"batch_id": new_id(), "requests": batch})
        try:
            async with asyncio.timeout(PUBLISH_TIMEOUT_SECONDS):
                outcomes = await self._transport.publish([OutboundEvent(CloudEvent.of(event))])
        except Exception as error:
            log.warning("the request log could not be published, it will be retried: %r", error)
            return False
        if outcomes[0] is not None:
            # The broker rejected the batch for good: retrying it would block the next ones.
            metrics.REQUEST_LOG_DROPPED.inc(sum(entry["times"] for entry in batch))
        return True


def log_entry(
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
    """An entry with the request's start time and without anything that could be a secret."""
    return {
        "request_id": request_id,
        "at": clock.now() - timedelta(seconds=seconds),
        "method": method[:20],
        "path": _redacted(path),
        "status": status,
        "duration_ms": round(seconds * 1000, 2),
        "service": service,
        "user_id": user_id,
        "ip": ip,
        "user_agent": user_agent[:MAX_USER_AGENT_LENGTH] if user_agent else None,
        "times": 1,
    }


def _redacted(path: str) -> str:
    """Without tokens, and without NUL: PostgreSQL rejects it, and one such path would cost its whole batch."""
    path = path.replace("\0", "\ufffd")
    return TOKEN.sub("***", path)[:MAX_PATH_LENGTH] if len(path) >= MIN_TOKEN_LENGTH else path
