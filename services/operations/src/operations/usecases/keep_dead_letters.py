"""Keeping what a queue gave up: one row per queue and event, however often it dies there."""

from collections.abc import Sequence

from common.bus.delivery import DeadLetter, Delivery
from common.ids import new_id
from common.persistence.transaction import Transaction
from operations.usecases.erase_person import anonymised, begin_keeping, erased_among, people_of

UPSERT = """
INSERT INTO dead_letter (id, queue, event_id, type, source, subject, time, sequence, correlation_id, causation_id,
                         traceparent, tracestate, payload, error, attempts)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                     $8::bigint[], $9::text[], $10::text[], $11::text[], $12::text[], $13::bytea[], $14::text[],
                     $15::integer[])
ON CONFLICT ON CONSTRAINT dead_letter_once_per_queue DO UPDATE
SET error = excluded.error, attempts = excluded.attempts, deaths = dead_letter.deaths + 1, last_died_at = now(),
    state = 'waiting', decided_at = NULL, decided_by = NULL
"""


async def keep_dead_letters(tx: Transaction, deliveries: Sequence[Delivery]) -> None:
    """Keep the dead, the latest death of each; one that was replayed and died again waits again."""
    await begin_keeping(tx)
    people = {delivery.cloud_event.id: people_of(delivery.cloud_event.data) for delivery in deliveries}
    erased = await erased_among(tx, set().union(*people.values()))
    latest = {
        (d.dead.queue, d.cloud_event.id): _row(d, d.dead, people[d.cloud_event.id] & erased)
        for d in deliveries
        if d.dead is not None
    }
    # Sorted, so that two transactions that keep overlapping sets cannot deadlock.
    rows = [latest[key] for key in sorted(latest)]
    if rows:
        await tx.sql.execute(UPSERT, *(list(column) for column in zip(*rows, strict=True)))


def _row(delivery: Delivery, dead: DeadLetter, erased: set[str]) -> tuple[object, ...]:
    cloud_event = delivery.cloud_event
    return (
        new_id(),
        dead.queue,
        cloud_event.id,
        cloud_event.type,
        cloud_event.source,
        cloud_event.subject,
        cloud_event.time,
        cloud_event.sequence,
        cloud_event.correlation_id,
        cloud_event.causation_id,
        cloud_event.traceparent,
        cloud_event.tracestate,
        anonymised(cloud_event.data, erased) if erased else cloud_event.data,
        dead.error.split(":", 1)[0] if erased else dead.error,
        dead.attempts,
    )
