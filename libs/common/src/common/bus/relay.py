"""The relay: moves committed events from the outbox to the transport. The only publisher of domain events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from common import jobs, metrics, telemetry
from common.bus.transport import OutboundEvent, Transport
from common.errors import is_outage
from common.events.cloudevent import CloudEvent
from common.jobs import Backoff
from common.linger import Linger
from common.persistence.database import Database
from common.persistence.rows import row_count

log = logging.getLogger(__name__)

BATCH = 256
MAX_ATTEMPTS = 20
IDLE_BACKOFF = Backoff(0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
FAILURE_BACKOFF = Backoff(0.1, 0.25, 0.5, 1.0, 2.0, 5.0)
PURGE_AFTER = "1 hour"
PURGE_BATCH = 5000

CLAIM = "SELECT partition_no FROM outbox_partition FOR UPDATE SKIP LOCKED"

PENDING = """
SELECT id, event_id, type, source, subject, occurred_at, payload, correlation_id, causation_id, traceparent,
       tracestate, queue, coalesce(sequence, id) AS sequence
FROM outbox o
WHERE published_at IS NULL AND dead_at IS NULL AND partition_no = ANY($1::smallint[])
  AND NOT EXISTS (SELECT 1 FROM outbox d WHERE d.dead_at IS NOT NULL AND d.subject = o.subject AND d.id < o.id)
ORDER BY id LIMIT $2
"""

MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1::bigint[])"

FAIL = f"""
UPDATE outbox SET attempts = attempts + 1, last_error = f.error,
       dead_at = CASE WHEN attempts + 1 >= {MAX_ATTEMPTS} THEN clock_timestamp() END
FROM unnest($1::bigint[], $2::text[]) AS f(id, error) WHERE outbox.id = f.id
RETURNING outbox.id, type, dead_at
"""  # noqa: S608  (a constant of this module)

PURGE = """
DELETE FROM outbox WHERE id IN (
    SELECT id FROM outbox WHERE published_at < now() - $1::text::interval ORDER BY published_at LIMIT $2)
"""

BACKLOG = """
SELECT count(*) AS pending, coalesce(extract(epoch FROM now() - min(created_at)), 0)::float8 AS oldest
FROM outbox WHERE published_at IS NULL AND dead_at IS NULL
"""


class Relay:
    """Drains one database's outbox, in order per subject, at least once.

    Any number of relays may run on one outbox: each pass claims the partitions that no other relay has locked. A relay
    that hangs loses its claim after the database's idle-in-transaction timeout (30 s). Events that it had already
    published are then published again; the consumers' inboxes drop the copies.
    """

    def __init__(self, service: str, database: Database, transport: Transport) -> None:
        self._service = service
        self._database = database
        self._transport = transport

    async def run(self) -> None:
        """Drain for ever: woken by transactions of this process that fill the outbox, else by polling."""
        idle = failures = 0
        linger = Linger()
        while True:
            self._database.outbox_filled.clear()
            started = time.monotonic()
            try:
                moved = await self.drain_once()
            except Exception as error:
                failures += 1
                await self._back_off(error, failures)
                continue
            failures = 0
            if moved == BATCH:
                continue
            if moved:
                linger.worked(time.monotonic() - started)
            idle = 0 if moved else idle + 1
            if await jobs.wait(self._database.outbox_filled, IDLE_BACKOFF.after(idle + 1)):
                await linger.wait()

    async def _back_off(self, error: Exception, failures: int) -> None:
        """Wait for the broker or the database; the events are safe in the outbox meanwhile."""
        pause = FAILURE_BACKOFF.after(failures)
        known = is_outage(error) or isinstance(error, ConnectionError | TimeoutError)
        log.warning("relay of %s pauses %.1f s: %r", self._service, pause, error, exc_info=None if known else error)
        await asyncio.sleep(pause)

    async def drain_once(self) -> int:
        """Publish one batch and mark the confirmed rows. Returns how many were confirmed.

        Raises ConnectionError if the broker or the database is unavailable; neither counts as an attempt.
        """
        async with self._database.begin() as tx:
            claimed = [row["partition_no"] for row in await tx.sql.fetch(CLAIM)]
            if not claimed:
                return 0
            rows = await tx.sql.fetch(PENDING, claimed, BATCH)
            if not rows:
                return 0
            outcomes = await self._publish(rows)
            return await self._mark(tx.sql, rows, outcomes)

    async def _publish(self, rows: Sequence[asyncpg.Record]) -> list[Exception | None]:
        outgoing = [_outgoing(row) for row in rows]
        if telemetry.is_on(self._service):
            events = [each.cloud_event for each in outgoing]
            with telemetry.producer_spans(
                self._service, [e.type for e in events], [e.origin() for e in events]
            ) as traceparents:
                return await self._send([_retraced(*each) for each in zip(outgoing, traceparents, strict=True)])
        return await self._send(outgoing)

    async def _send(self, outgoing: Sequence[OutboundEvent]) -> list[Exception | None]:
        with metrics.PUBLISH_SECONDS.labels(self._service).time():
            return await self._transport.publish(outgoing)

    async def _mark(
        self, sql: asyncpg.Connection, rows: Sequence[asyncpg.Record], outcomes: Sequence[Exception | None]
    ) -> int:
        confirmed = [row["id"] for row, outcome in zip(rows, outcomes, strict=True) if outcome is None]
        failed = [
            (row["id"], repr(outcome))
            for row, outcome in zip(rows, outcomes, strict=True)
            if outcome is not None and not isinstance(outcome, ConnectionError)
        ]
        if confirmed:
            await sql.execute(MARK, confirmed)
            metrics.PUBLISHED.labels(self._service).inc(len(confirmed))
        if failed:
            await self._count_failures(sql, failed)
        return len(confirmed)

    async def _count_failures(self, sql: asyncpg.Connection, failed: list[tuple[int, str]]) -> None:
        ids, errors = zip(*failed, strict=True)
        metrics.PUBLISH_FAILED.labels(self._service).inc(len(failed))
        for row in await sql.fetch(FAIL, list(ids), list(errors)):
            if row["dead_at"] is not None:
                metrics.OUTBOX_DEAD.labels(self._service).inc()
                log.error("outbox row %s (%s) cannot be published and blocks its subject", row["id"], row["type"])

    async def purge(self) -> int:
        """Delete rows published more than an hour ago, in short transactions of a batch each; returns how many."""
        purged = 0
        while True:
            async with self._database.begin() as tx:
                batch = row_count(await tx.sql.execute(PURGE, PURGE_AFTER, PURGE_BATCH))
            purged += batch
            if batch < PURGE_BATCH:
                return purged

    async def measure(self) -> None:
        """Report the backlog to the metrics."""
        async with self._database.begin() as tx:
            row = await tx.sql.fetchrow(BACKLOG)
        metrics.OUTBOX_PENDING.labels(self._service).set(row["pending"])
        metrics.OUTBOX_OLDEST_SECONDS.labels(self._service).set(row["oldest"])


def _retraced(outgoing: OutboundEvent, traceparent: str | None) -> OutboundEvent:
    return replace(outgoing, cloud_event=replace(outgoing.cloud_event, traceparent=traceparent))


def _outgoing(row: asyncpg.Record) -> OutboundEvent:
    cloud_event = CloudEvent(
        id=row["event_id"],
        type=row["type"],
        source=row["source"],
        subject=row["subject"],
        time=row["occurred_at"],
        data=row["payload"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
        sequence=row["sequence"],
        traceparent=row["traceparent"],
        tracestate=row["tracestate"],
    )
    return OutboundEvent(cloud_event, row["queue"])
