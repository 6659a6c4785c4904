"""What billing keeps about a person."""

from common.contracts.auth import ExportRequested
from common.contracts.billing import BillingDataGathered
from common.data_export import publish_export_parts
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
# What a provider told of the person, as it was received.
REPORTS = """
SELECT event.provider, event.type, event.received_at, convert_from(payload, 'UTF8') AS content
FROM provider_event AS event JOIN payment ON payment.id = payment_id WHERE customer_id = $1 ORDER BY event.id DESC
"""

KINDS = {"payments": PAYMENTS, "refunds": REFUNDS, "provider_reports": REPORTS}


async def gather_personal_data(tx: Transaction, request: ExportRequested) -> None:
    await publish_export_parts(tx, request, KINDS, BillingDataGathered)
