"""Payments and refunds of who was erased stay as amounts with their provider's reference, without words about them."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.persistence.transaction import Transaction

# Reports that come later find the person here, see apply_provider_event.
REMEMBER = """
INSERT INTO erased_person (user_id, erased_at) SELECT DISTINCT unnest($1::uuid[]), $2::timestamptz
ON CONFLICT DO NOTHING
"""
# A payment that is still under way keeps what the next call to its provider needs.
BLANK_PAYMENTS = """
UPDATE payment SET failure_message = NULL, action_url = NULL,
    method = CASE WHEN next_attempt_at IS NULL THEN NULL ELSE method END
WHERE id IN (SELECT id FROM payment WHERE customer_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
"""
BLANK_REFUNDS = """
UPDATE refund SET reason = '', failure_message = NULL
FROM payment WHERE payment.id = payment_id AND customer_id = ANY($1::uuid[])
"""
BLANK_REPORTS = """
UPDATE provider_event SET payload = '{}'
FROM payment WHERE payment.id = payment_id AND customer_id = ANY($1::uuid[])
"""
FORGET_ANSWERS = "DELETE FROM idempotency WHERE user_id = ANY($1::uuid[])"


async def erase_people(tx: Transaction, user_ids: Sequence[UUID], now: datetime) -> None:
    await tx.sql.execute(REMEMBER, user_ids, now)
    for statement in (BLANK_PAYMENTS, BLANK_REFUNDS, BLANK_REPORTS, FORGET_ANSWERS):
        await tx.sql.execute(statement, user_ids)
