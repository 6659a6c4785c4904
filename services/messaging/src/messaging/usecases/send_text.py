"""A user's own text message."""

from uuid import UUID

import asyncpg

from common.context import Origin, current
from common.errors import Conflict
from common.ids import new_id
from common.persistence.transaction import Transaction
from messaging.domain.drafts import Channel, Draft
from messaging.usecases.charge_quota import charge_quota
from messaging.usecases.queue_messages import Commission, queue_messages


async def send_text(
    tx: Transaction, user_id: UUID, *, recipient: str, text: str, channel: Channel, client_ref: str | None, limit: int
) -> UUID:
    """Queue it and count it; its id. Raises RateLimited over the day's limit, Conflict for a reference used before."""
    day = await charge_quota(tx, user_id, limit)
    draft = Draft(user_id, channel, recipient, text, charged_to=user_id, charged_on=day, client_ref=client_ref)
    try:
        [message_id] = await queue_messages(tx, [Commission(draft, current() or Origin(str(new_id())))])
    except asyncpg.UniqueViolationError as error:
        raise Conflict(
            "A message with this reference exists already", code="messaging.client_ref_used", field="client_ref"
        ) from error
    return message_id
