"""The SQL that exports and erases what billing stores about a person."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.persistence.transaction import Transaction

PAYMENTS = """
SELECT id, order_id, number, provider, method, amount, currency, status, captured, refunded, reference, failure_code,
       failure_message, created_at, updated_at
FROM payment WHERE customer_id = $1 AND provider IS NOT NULL ORDER BY id DESC
"""
REFUNDS = """
SELECT refund.id, payment_id, refund.amount, currency, reason, refund.status, refund.reference, refund.created_at,
       refund.updated_at
FROM refund JOIN payment ON payment.id = payment_id WHERE customer_id = $1 ORDER BY refund.id DESC
"""
# Provider events about the person's payments, as they were received.
PROVIDER_REPORTS = """
SELECT event.provider, event.type, event.received_at, convert_from(payload, 'UTF8') AS content
FROM provider_event AS event JOIN payment ON payment.id = payment_id WHERE customer_id = $1 ORDER BY event.id DESC
"""
EXPORT_QUERIES = {"payments": PAYMENTS, "refunds": REFUNDS, "provider_reports": PROVIDER_REPORTS}

# Provider events that arrive later find the person here, see billing.webhooks.store.
INSERT_ERASED = """
INSERT INTO erased_person (user_id, erased_at) SELECT DISTINCT unnest($1::uuid[]), $2::timestamptz
ON CONFLICT DO NOTHING
"""
ERASE_STATEMENTS = (
    # An open payment keeps what the next call to its provider needs.
    """
    UPDATE payment SET failure_message = NULL, action_url = NULL,
        method = CASE WHEN next_attempt_at IS NULL THEN NULL ELSE method END
    WHERE id IN (SELECT id FROM payment WHERE customer_id = ANY($1::uuid[]) ORDER BY id FOR UPDATE)
    """,
    """
    UPDATE refund SET reason = '', failure_message = NULL
    FROM payment WHERE payment.id = payment_id AND customer_id = ANY($1::uuid[])
    """,
    """
    UPDATE provider_event SET payload = '{}'
    FROM payment WHERE payment.id = payment_id AND customer_id = ANY($1::uuid[])
    """,
    # Stored responses repeat what the tables say.
    "DELETE FROM idempotency WHERE user_id = ANY($1::uuid[])",
)


async def erase_people(tx: Transaction, user_ids: Sequence[UUID], now: datetime) -> None:
    """Remove texts, means of payment and provider payloads; amounts and the provider's references stay."""
    await tx.sql.execute(INSERT_ERASED, user_ids, now)
    for statement in ERASE_STATEMENTS:
        await tx.sql.execute(statement, user_ids)
