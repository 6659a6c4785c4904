"""The outbox: events written in the transaction of their cause, published later by the relay."""

from collections.abc import Sequence
from zlib import crc32

import asyncpg

from common.events.cloudevent import CloudEvent

PARTITIONS = 8

INSERT = """
INSERT INTO outbox (event_id, type, source, subject, partition_no, occurred_at, payload, correlation_id, causation_id,
                    traceparent, tracestate, queue, sequence)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::timestamptz[], $7::bytea[],
                     $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bigint[])
"""


def partition_of(subject: str) -> int:
    """The partition that keeps a subject's events in order."""
    return crc32(subject.encode()) % PARTITIONS


async def write(sql: asyncpg.Connection, cloud_events: Sequence[CloudEvent], queue: str | None = None) -> None:
    """Add CloudEvents to the outbox in the order given, in the caller's transaction.

    With `queue` they go to that queue only, to replay a dead letter. A replayed event keeps its sequence; the sequence
    of a new event is the id of its row.
    """
    columns = zip(*((*_row(e), queue, e.sequence if queue else None) for e in cloud_events), strict=True)
    await sql.execute(INSERT, *(list(column) for column in columns))


def _row(e: CloudEvent) -> tuple[object, ...]:
    return (
        e.id,
        e.type,
        e.source,
        e.subject,
        partition_of(e.subject),
        e.time,
        e.data,
        e.correlation_id,
        e.causation_id,
        e.traceparent,
        e.tracestate,
    )
