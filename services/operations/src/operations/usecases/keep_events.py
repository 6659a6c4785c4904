"""Writing the journal: one statement for many events."""

import json
from collections.abc import Sequence

import asyncpg

from common.contracts.gateway import RequestsLogged
from common.errors import Permanent
from common.events.cloudevent import CloudEvent
from common.persistence.transaction import Transaction
from operations.usecases.erase_person import begin_keeping, change_events

INSERT = """
INSERT INTO event (id, type, source, subject, time, sequence, correlation_id, causation_id, data)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[], $7::text[],
                     $8::text[], $9::jsonb[])
ON CONFLICT (id) DO NOTHING
"""
OF_ERASED = """
SELECT event.id, data, user_id::text FROM event JOIN erased_person
    ON user_id::text = coalesce(data->>'user_id', data->>'customer_id', data->>'owner_id')
WHERE event.id = ANY($1::uuid[])
"""

GATHERED = ".personal_data.gathered.v1"


async def keep_events(tx: Transaction, cloud_events: Sequence[CloudEvent]) -> None:
    """Append to the journal, of erased people only what is not personal.

    Permanent for data that is no JSON, or JSON that PostgreSQL cannot hold.
    """
    await begin_keeping(tx)
    try:
        await tx.sql.execute(INSERT, *(list(column) for column in zip(*map(_row, cloud_events), strict=True)))
    except asyncpg.DataError as error:
        # In a larger batch the bus hands them in again one by one, so this names the one that is wrong.
        raise Permanent(f"the data cannot be kept: {error}") from error
    if late := await tx.sql.fetch(OF_ERASED, [cloud_event.id for cloud_event in cloud_events]):
        await change_events(tx, late, {row["user_id"] for row in late})


def _row(cloud_event: CloudEvent) -> tuple[object, ...]:
    return (
        cloud_event.id,
        cloud_event.type,
        cloud_event.source,
        cloud_event.subject,
        cloud_event.time,
        cloud_event.sequence,
        cloud_event.correlation_id,
        cloud_event.causation_id,
        _data(cloud_event),
    )


def _data(cloud_event: CloudEvent) -> str:
    if cloud_event.type == RequestsLogged.type:
        # Its requests are kept one by one in the request log; twice would be most of the journal.
        return f'{{"batch_id": "{cloud_event.subject}"}}'
    try:
        if cloud_event.type.endswith(GATHERED):
            # Sealed for one reader, large, and good for nothing once that one has it.
            return json.dumps(json.loads(cloud_event.data) | {"sealed": ""})
        return cloud_event.data.decode()
    except ValueError as error:
        raise Permanent("the data is no UTF-8, or no JSON") from error
