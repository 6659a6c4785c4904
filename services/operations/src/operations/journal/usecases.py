"""Recording events in the journal."""

import json
from collections.abc import Sequence

import asyncpg

from common.contracts.gateway import RequestsLogged
from common.errors import Permanent
from common.events.cloudevent import CloudEvent
from common.persistence.transaction import Transaction
from operations.journal import store
from operations.personal_data.usecases import anonymise_events_of_erased, delay_erasures

EXPORT_PART = ".personal_data.gathered.v1"
"""How the types of events end that carry a part of a person's data."""


async def record_events(tx: Transaction, cloud_events: Sequence[CloudEvent]) -> None:
    """Append to the journal; events about erased people are anonymised.

    Raises Permanent for data that is not JSON, or that PostgreSQL cannot store.
    """
    await delay_erasures(tx)
    try:
        await store.insert_events(tx, map(_row, cloud_events))
    except asyncpg.DataError as error:
        # The bus handles the events of a failed batch one by one in the end, so this names the one that is wrong.
        raise Permanent(f"the data cannot be stored: {error}") from error
    await anonymise_events_of_erased(tx, [cloud_event.id for cloud_event in cloud_events])


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
        # The request log stores its requests one by one; stored here as well, they would be most of the journal.
        return f'{{"batch_id": "{cloud_event.subject}"}}'
    try:
        if cloud_event.type.endswith(EXPORT_PART):
            # Sealed for one reader, large, and useless once that one has it.
            return json.dumps(json.loads(cloud_event.data) | {"sealed": ""})
        return cloud_event.data.decode()
    except ValueError as error:
        raise Permanent("the data is not UTF-8, or not JSON") from error
