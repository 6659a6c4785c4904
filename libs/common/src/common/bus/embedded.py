"""The durable in-process transport: one process runs every service, and PostgreSQL stores the deliveries.

The relay's publish inserts a row per subscription into the subscriber's own database before the event is marked
published; a worker per consumer feeds due rows to the same dispatcher that RabbitMQ's consumers use. A batch is counted
on its first row before it is handled, so that an event which crashes the process becomes a dead letter in the end.
"""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from uuid import uuid5

import asyncpg

from common import jobs
from common.bus.dead_letter_limit import DeadLetterLimit
from common.bus.delivery import CRASHED, MAX_ATTEMPTS, Dead, DeadLetter, Delivery, Done, Handle, Retry, Settlement
from common.bus.subscriptions import Consumer, matches
from common.bus.transport import OutboundEvent, UnroutableError
from common.events.cloudevent import ATTEMPT_HEADER, DEAD_QUEUE_HEADER, ERROR_HEADER, CloudEvent
from common.linger import Linger
from common.persistence.database import Database
from common.persistence.rows import columns

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
FAILURE_PAUSE_SECONDS = 1.0
POOL_SIZE = 8
"""Connections per database for deliveries, beside those of requests: these must not delay each other."""

INSERT = """
INSERT INTO delivery (subscription, event_id, headers, correlation_id, payload)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::jsonb[], $4::text[], $5::bytea[])
ON CONFLICT ON CONSTRAINT delivery_once DO NOTHING
"""

# The first row stands for its batch: counting each would cost as much as delivering it. The count must survive a crash
# of this process only, so the commit need not wait for the disk.
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
class _Queue:
    """A consumer's deliveries: rows of its service's database."""

    consumer: Consumer
    database: Database
    filled: asyncio.Event = field(default_factory=asyncio.Event)
    isolate_next: int = 0
    """How many of the next deliveries come one by one."""


class EmbeddedTransport:
    """Carries events inside one process, durably. Declare all consumers before the first publish.

    A service that consumes uses `bound(its database)`; all of them share the queues and listeners of this one.
    """

    def __init__(self, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._poll_seconds = poll_seconds
        self._database: Database | None = None
        self._pools: list[Database] = []
        self._queues: dict[str, _Queue] = {}
        self._listeners: dict[str, list[Callable[[CloudEvent], None]]] = defaultdict(list)
        self._routes: dict[str, list[_Queue]] = {}

    def bound(self, database: Database) -> EmbeddedTransport:
        """The same transport for a service whose deliveries are stored in `database`, through a pool of its own."""
        transport = copy.copy(self)
        transport._database = database.apart(POOL_SIZE)  # noqa: SLF001  (of this class)
        self._pools.append(transport._database)  # noqa: SLF001
        return transport

    @property
    def connected(self) -> bool:
        return True

    async def start(self) -> None:
        """Do nothing: this transport has no connection."""

    async def close(self) -> None:
        for pool in self._pools:
            await pool.close()
        self._pools.clear()

    async def declare(self, consumers: Sequence[Consumer]) -> None:
        for consumer in consumers:
            if self._database is None:
                raise ValueError(f"{consumer.name} needs a transport that is bound to its database")
            queue = self._queues.setdefault(consumer.queue, _Queue(consumer, self._database))
            queue.database = self._database
        self._routes.clear()

    async def publish(self, batch: Sequence[OutboundEvent]) -> list[Exception | None]:
        """Insert a delivery for every subscriber, one statement per database. All or nothing per database."""
        outcomes: list[Exception | None] = [None] * len(batch)
        targets: dict[Database, list[tuple[_Queue, CloudEvent]]] = defaultdict(list)
        for index, outgoing in enumerate(batch):
            queues = self._queues_for(outgoing)
            if not queues and outgoing.queue is not None:
                outcomes[index] = UnroutableError(f"no queue {outgoing.queue}")
            for queue in queues:
                targets[queue.database].append((queue, outgoing.cloud_event))
        for database, deliveries in targets.items():
            await _insert(database, [_row(queue.consumer.queue, e, e.headers()) for queue, e in deliveries])
            for queue, _ in deliveries:
                queue.filled.set()
        for outgoing in batch:
            if outgoing.queue is None:
                self._call_listeners(outgoing.cloud_event)
        return outcomes

    def _queues_for(self, outgoing: OutboundEvent) -> list[_Queue]:
        if outgoing.queue is not None:
            queue = self._queues.get(outgoing.queue)
            return [queue] if queue else []
        event_type = outgoing.cloud_event.type
        if event_type not in self._routes:
            self._routes[event_type] = [
                queue
                for queue in self._queues.values()
                if not queue.consumer.takes_dead_letters
                and any(matches(pattern, event_type) for pattern in queue.consumer.patterns)
            ]
        return self._routes[event_type]

    def _call_listeners(self, cloud_event: CloudEvent) -> None:
        for callback in self._listeners.get(cloud_event.type, ()):
            callback(cloud_event)

    async def listen(self, types: Sequence[str], callback: Callable[[CloudEvent], None]) -> None:
        for event_type in types:
            self._listeners[event_type].append(callback)

    async def consume(self, consumer: Consumer, handle: Handle, limit: DeadLetterLimit) -> None:
        queue = self._queues[consumer.queue]
        linger = Linger()
        while True:
            queue.filled.clear()
            started = time.monotonic()
            try:
                handled = await self._feed(queue, handle, limit)
                if limit.reached:
                    await limit.pause()
                    continue
                if handled == consumer.batch:
                    continue
                if handled:
                    linger.worked(time.monotonic() - started)
                if await self._is_woken(queue):
                    await linger.wait()
            except Exception:
                # The rows stay; the inbox protects what was handled already.
                log.exception("%s failed and will be tried again", consumer.name)
                await asyncio.sleep(FAILURE_PAUSE_SECONDS)

    async def _feed(self, queue: _Queue, handle: Handle, limit: DeadLetterLimit) -> int:
        """Handle one batch of due deliveries; returns how many."""
        size = 1 if limit.reached else queue.consumer.batch
        async with queue.database.begin() as tx:
            due = await tx.sql.fetch(CLAIM, queue.consumer.queue, size)
        if not due:
            return 0
        rows = _safe_batch(queue, due)
        if rows[0]["attempts"] >= MAX_ATTEMPTS:
            settlements: Sequence[Settlement] = [Dead(CRASHED)]
        else:
            settlements = await handle([_delivery(row) for row in rows])
        admitted = limit.admit(settlements)
        await self._settle(queue, rows[:admitted], settlements[:admitted])
        return len(rows)

    async def _settle(self, queue: _Queue, rows: list[asyncpg.Record], settlements: Sequence[Settlement]) -> None:
        """Dead letters are stored before their delivery is deleted, so that a crash in between loses nothing."""
        settled = list(zip(rows, settlements, strict=True))
        await self._dead_letter(queue, [(row, s) for row, s in settled if isinstance(s, Dead)])
        finished = [row["id"] for row, settlement in settled if isinstance(settlement, Done | Dead)]
        postponed = [(row["id"], row["attempts"] + 1, s.delay) for row, s in settled if isinstance(s, Retry)]
        async with queue.database.begin() as tx:
            if finished:
                await tx.sql.execute(DELETE, finished)
            if postponed:
                await tx.sql.execute(POSTPONE, *columns(postponed))

    async def _dead_letter(self, queue: _Queue, dead: list[tuple[asyncpg.Record, Dead]]) -> None:
        dead_letter_queues = [q for q in self._queues.values() if q.consumer.takes_dead_letters]
        if dead and not dead_letter_queues:
            raise LookupError("no consumer of dead letters is declared")
        for target in dead_letter_queues if dead else ():
            await _insert(
                target.database, [_dead_row(target.consumer.queue, queue.consumer.queue, *each) for each in dead]
            )
            target.filled.set()

    async def _is_woken(self, queue: _Queue) -> bool:
        """Wait until a delivery arrives (true) or the next postponed one is due (false)."""
        async with queue.database.begin() as tx:
            due = await tx.sql.fetchval(NEXT, queue.consumer.queue)
        seconds = self._poll_seconds if due is None else min(max(due, 0.0), self._poll_seconds)
        return await jobs.wait(queue.filled, seconds)


def _safe_batch(queue: _Queue, due: list[asyncpg.Record]) -> list[asyncpg.Record]:
    """The first rows, all of them new; or one alone, if it or its batch may have crashed the process."""
    if due[0]["attempts"]:
        queue.isolate_next = queue.consumer.batch
    if queue.isolate_next:
        queue.isolate_next -= 1
        return due[:1]
    return list(takewhile(lambda row: not row["attempts"], due))


async def _insert(database: Database, rows: Sequence[tuple[object, ...]]) -> None:
    async with database.begin() as tx:
        await tx.sql.execute(INSERT, *columns(rows))


def _row(queue: str, cloud_event: CloudEvent, headers: dict[str, str]) -> tuple[object, ...]:
    return queue, cloud_event.id, json.dumps(headers), cloud_event.correlation_id, cloud_event.data


def _dead_row(queue: str, failed_queue: str, row: asyncpg.Record, settlement: Dead) -> tuple[object, ...]:
    headers = row["headers"] | {
        DEAD_QUEUE_HEADER: failed_queue,
        ATTEMPT_HEADER: str(min(row["attempts"] + 1, MAX_ATTEMPTS)),
        ERROR_HEADER: settlement.error,
    }
    cloud_event = CloudEvent.from_headers(headers, row["correlation_id"], row["payload"])
    # One event can become a dead letter in several queues: each is a delivery of its own.
    delivery_id = uuid5(cloud_event.id, failed_queue)
    return queue, delivery_id, json.dumps(headers), cloud_event.correlation_id, cloud_event.data


def _delivery(row: asyncpg.Record) -> Delivery:
    headers = row["headers"]
    cloud_event = CloudEvent.from_headers(headers, row["correlation_id"], row["payload"])
    dead = None
    if ERROR_HEADER in headers:
        dead = DeadLetter(headers[DEAD_QUEUE_HEADER], int(headers[ATTEMPT_HEADER]), headers[ERROR_HEADER])
    return Delivery(cloud_event, row["attempts"] + 1, dead)
