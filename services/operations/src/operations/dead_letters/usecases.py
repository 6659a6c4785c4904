"""Storing dead letters, replaying them to their queue, and discarding them."""

from collections.abc import Sequence
from uuid import UUID

from common import clock
from common.bus.transport import DeadLetter, Delivery
from common.events.cloudevent import CloudEvent
from common.ids import new_id
from common.persistence.transaction import Transaction
from operations.dead_letters import store
from operations.dead_letters.domain import DISCARDED, REPLAYED, check_readable, check_undecided
from operations.dead_letters.tables import DeadLetterRow
from operations.personal_data.domain import anonymise_payload, people_in_payload
from operations.personal_data.usecases import delay_erasures, erased_among

MAX_REPLAYED = 500
"""How many dead letters one bulk replay takes; its answer says how many it took, so that the caller can repeat it."""


async def store_dead_letters(tx: Transaction, deliveries: Sequence[Delivery]) -> None:
    """Store the latest failure of each; one that was replayed and failed again waits again."""
    await delay_erasures(tx)
    people = {delivery.cloud_event.id: people_in_payload(delivery.cloud_event.data) for delivery in deliveries}
    erased = await erased_among(tx, set().union(*people.values()))
    latest = {
        (d.dead.queue, d.cloud_event.id): _row(d, d.dead, people[d.cloud_event.id] & erased)
        for d in deliveries
        if d.dead is not None
    }
    # Sorted, so that two transactions with overlapping sets cannot deadlock.
    rows = [latest[key] for key in sorted(latest)]
    if rows:
        await store.upsert_dead_letters(tx, rows)


async def replay(tx: Transaction, dead_letter_id: UUID, staff_id: UUID) -> DeadLetterRow:
    """Send one to its queue again. Raises DeadLetterNotFound, AlreadyDecided or UnreadableEvent."""
    row = await store.lock_dead_letter(tx, dead_letter_id)
    check_undecided(row.state)
    check_readable(row.source)
    _replay(tx, row, staff_id)
    return row


async def replay_many(tx: Transaction, queue: str | None, ids: Sequence[UUID] | None, staff_id: UUID) -> int:
    """Replay the oldest waiting ones, of the queue and among the ids, at most MAX_REPLAYED; how many."""
    rows = await store.lock_waiting(tx, queue, ids, MAX_REPLAYED)
    for row in rows:
        _replay(tx, row, staff_id)
    return len(rows)


async def discard(tx: Transaction, dead_letter_id: UUID, staff_id: UUID) -> DeadLetterRow:
    """Decide that it shall not be handled; it stays until retention deletes it.

    Raises DeadLetterNotFound or AlreadyDecided.
    """
    row = await store.lock_dead_letter(tx, dead_letter_id)
    check_undecided(row.state)
    _decide(row, DISCARDED, staff_id)
    return row


def _replay(tx: Transaction, row: DeadLetterRow, staff_id: UUID) -> None:
    _decide(row, REPLAYED, staff_id)
    tx.redeliver(_cloud_event(row), row.queue)


def _decide(row: DeadLetterRow, state: str, staff_id: UUID) -> None:
    row.state, row.decided_at, row.decided_by = state, clock.now(), staff_id


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
        anonymise_payload(cloud_event.data, erased) if erased else cloud_event.data,
        # The text after the error's class may quote the data.
        dead.error.split(":", 1)[0] if erased else dead.error,
        dead.attempts,
    )


def _cloud_event(row: DeadLetterRow) -> CloudEvent:
    return CloudEvent(
        id=row.event_id,
        type=row.type,
        source=row.source,
        subject=row.subject,
        time=row.time,
        data=row.payload,
        correlation_id=row.correlation_id,
        causation_id=row.causation_id,
        sequence=row.sequence,
        traceparent=row.traceparent,
        tracestate=row.tracestate,
    )
