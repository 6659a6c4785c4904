"""The durable in-process transport: one process holds every service, PostgreSQL keeps the deliveries.

The relay's publish inserts a row per subscription into the subscriber's own database before the event is marked
published; a worker per consumer feeds due rows to the same dispatch pipeline that RabbitMQ's consumers use. A batch is
counted on its first row before it is handled, so that an event which ends the process does not do so for ever.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from uuid import uuid5

import asyncpg

from common.bus.subscriptions import Consumer, matches
from common.bus.transport import (
    ATTEMPTS,
    ENDED,
    Dead,
    DeadLetter,
    Delivery,
    Done,
    Handle,
    OutboundEvent,
    Retry,
    Settlement,
)
from common.events.cloudevent import ATTEMPT_HEADER, DEAD_QUEUE_HEADER, ERROR_HEADER, CloudEvent
from common.linger import Linger
from common.persistence.database import Database

log = logging.getLogger(__name__)

POLL = 0.5
PAUSE_AFTER_FAILURE = 1.0

INSERT = """
INSERT INTO delivery (subscription, event_id, headers, correlation_id, payload)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::jsonb[], $4::text[], $5::bytea[])
ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
"""

# The first row stands for its batch: counting each would cost as much as delivering it. The count must outlive this
# process only, so nobody waits for the disk.
CLAIM = """
WITH due AS (
    SELECT id, headers, correlation_id, payload, attempts FROM delivery
    WHERE subscription = $1 AND next_attempt_at <= now() ORDER BY id LIMIT $2),
counted AS (UPDATE delivery SET attempts = attempts + 1 WHERE id = (SELECT min(id) FROM due))
SELECT due.*, set_config('synchronous_commit', 'off', true) FROM due ORDER BY id
"""

NEXT = "SELECT extract(epoch FROM min(next_attempt_at) - now())::float8 FROM delivery WHERE subscription = $1"

DELETE = "DELETE FROM delivery WHERE id = ANY($1::bigint[])"

POSTPONE = """
UPDATE delivery SET attempts = f.attempts, next_attempt_at = now() + make_interval(secs => f.delay)
FROM unnest($1::bigint[], $2::int[], $3::float8[]) AS f(id, attempts, delay) WHERE delivery.id = f.id
"""


@dataclass(slots=True)
class _Bound:
    consumer: Consumer
    database: Database
    waiting: asyncio.Event = field(default_factory=asyncio.Event)
    alone: int = 0
    """How many of the next deliveries come one by one."""


class EmbeddedTransport:
    """Carries events inside one process, durably. Declare all consumers before the first publish."""

    def __init__(self, *, poll: float = POLL) -> None:
        self._poll = poll
        self._bound: dict[str, _Bound] = {}
        self._listeners: dict[str, list[Callable[[CloudEvent], None]]] = defaultdict(list)
        self._routes: dict[str, list[_Bound]] = {}

    @property
    def connected(self) -> bool:
        return True

    async def start(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to disconnect from."""

    async def declare(self, consumers: Sequence[Consumer], database: Database | None) -> None:
        for consumer in consumers:
            if database is None:
                raise ValueError(f"{consumer.name} needs a database")
            bound = self._bound.setdefault(consumer.queue, _Bound(consumer, database))
            bound.database = database
        self._routes.clear()

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        """Insert a delivery for every subscriber, one statement per database. All or nothing per database."""
        outcomes: list[Exception | None] = [None] * len(batch)
        rows: dict[Database, list[tuple[_Bound, CloudEvent]]] = defaultdict(list)
        for index, outgoing in enumerate(batch):
            targets = self._targets(outgoing)
            if not targets and outgoing.queue is not None:
                outcomes[index] = LookupError(f"no queue {outgoing.queue}")
            for bound in targets:
                rows[bound.database].append((bound, outgoing.cloud_event))
        for database, deliveries in rows.items():
            await _insert(database, [_row(b.consumer.queue, e, e.headers()) for b, e in deliveries])
            for bound, _ in deliveries:
                bound.waiting.set()
        for outgoing in batch:
            if outgoing.queue is None:
                self._tell(outgoing.cloud_event)
        return outcomes

    def _targets(self, outgoing: OutboundEvent) -> list[_Bound]:
        if outgoing.queue is not None:
            bound = self._bound.get(outgoing.queue)
            return [bound] if bound else []
        event_type = outgoing.cloud_event.type
        if event_type not in self._routes:
            self._routes[event_type] = [
                bound
                for bound in self._bound.values()
                if not bound.consumer.takes_dead_letters
                and any(matches(pattern, event_type) for pattern in bound.consumer.patterns)
            ]
        return self._routes[event_type]

    def _tell(self, cloud_event: CloudEvent) -> None:
        for callback in self._listeners.get(cloud_event.type, ()):
            callback(cloud_event)

    async def listen(self, types: Sequence[str], callback: Callable[[CloudEvent], None]) -> None:
        for event_type in types:
            self._listeners[event_type].append(callback)

    async def consume(self, consumer: Consumer, handle: Handle) -> None:
        bound = self._bound[consumer.queue]
        linger = Linger()
        while True:
            bound.waiting.clear()
            started = time.monotonic()
            try:
                handled = await self._feed(bound, handle)
                if handled == consumer.batch:
                    continue
                if handled:
                    linger.worked(time.monotonic() - started)
                if await self._is_woken(bound):
                    await linger.wait()
            except Exception:
                # The rows stay; whatever was done already is protected by the inbox.
                log.exception("%s will try again", consumer.name)
                await asyncio.sleep(PAUSE_AFTER_FAILURE)

    async def _feed(self, bound: _Bound, handle: Handle) -> int:
        """Handle one batch of due deliveries; returns how many."""
        async with bound.database.begin() as tx:
            due = await tx.sql.fetch(CLAIM, bound.consumer.queue, bound.consumer.batch)
        if not due:
            return 0
        rows = _safe_batch(bound, due)
        if rows[0]["attempts"] >= ATTEMPTS:
            settlements: Sequence[Settlement] = [Dead(ENDED)]
        else:
            settlements = await handle([_delivery(row) for row in rows])
        await self._settle(bound, rows, settlements)
        return len(rows)

    async def _settle(self, bound: _Bound, rows: list[asyncpg.Record], settlements: Sequence[Settlement]) -> None:
        """Dead letters are stored before their delivery is forgotten, so a crash between the two loses nothing."""
        settled = list(zip(rows, settlements, strict=True))
        await self._bury(bound, [(row, s) for row, s in settled if isinstance(s, Dead)])
        finished = [row["id"] for row, settlement in settled if isinstance(settlement, Done | Dead)]
        postponed = [(row["id"], row["attempts"] + 1, s.delay) for row, s in settled if isinstance(s, Retry)]
        async with bound.database.begin() as tx:
            if finished:
                await tx.sql.execute(DELETE, finished)
            if postponed:
                await tx.sql.execute(POSTPONE, *(list(column) for column in zip(*postponed, strict=True)))

    async def _bury(self, bound: _Bound, dead: list[tuple[asyncpg.Record, Dead]]) -> None:
        graves = [b for b in self._bound.values() if b.consumer.takes_dead_letters]
        if dead and not graves:
            raise LookupError("no consumer of dead letters is declared")
        for grave in graves if dead else ():
            rows = []
            for row, settlement in dead:
                headers = row["headers"] | {
                    DEAD_QUEUE_HEADER: bound.consumer.queue,
                    ATTEMPT_HEADER: str(row["attempts"] + 1),
                    ERROR_HEADER: settlement.error,
                }
                cloud_event = CloudEvent.from_headers(headers, row["correlation_id"], row["payload"])
                # One event can die in several queues: each death is a delivery of its own.
                death = uuid5(cloud_event.id, bound.consumer.queue)
                rows.append(
                    (grave.consumer.queue, death, json.dumps(headers), cloud_event.correlation_id, cloud_event.data)
                )
            await _insert(grave.database, rows)
            grave.waiting.set()

    async def _is_woken(self, bound: _Bound) -> bool:
        """Sleep until something arrives (true) or the next postponed delivery is due (false)."""
        async with bound.database.begin() as tx:
            due = await tx.sql.fetchval(NEXT, bound.consumer.queue)
        seconds = self._poll if due is None else min(max(due, 0.0), self._poll)
        # Not wait_for: before Python 3.12 it swallows a cancellation that comes just when the event is set.
        try:
            async with asyncio.timeout(seconds):
                return await bound.waiting.wait()
        except TimeoutError:
            return False


def _safe_batch(bound: _Bound, due: list[asyncpg.Record]) -> list[asyncpg.Record]:
    """The first rows, all new; or one alone, when it or its batch may be what ended the process that had it."""
    if due[0]["attempts"]:
        bound.alone = bound.consumer.batch
    if bound.alone:
        bound.alone -= 1
        return due[:1]
    return list(takewhile(lambda row: not row["attempts"], due))


async def _insert(database: Database, rows: Sequence[tuple[object, ...]]) -> None:
    async with database.begin() as tx:
        await tx.sql.execute(INSERT, *(list(column) for column in zip(*rows, strict=True)))


def _row(queue: str, cloud_event: CloudEvent, headers: dict[str, str]) -> tuple[object, ...]:
    return queue, cloud_event.id, json.dumps(headers), cloud_event.correlation_id, cloud_event.data


def _delivery(row: asyncpg.Record) -> Delivery:
    headers = row["headers"]
    cloud_event = CloudEvent.from_headers(headers, row["correlation_id"], row["payload"])
    dead = None
    if ERROR_HEADER in headers:
        dead = DeadLetter(headers[DEAD_QUEUE_HEADER], int(headers[ATTEMPT_HEADER]), headers[ERROR_HEADER])
    return Delivery(cloud_event, row["attempts"] + 1, dead)
