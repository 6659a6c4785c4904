"""Ask about orders that hold stock for too long."""

from datetime import datetime, timedelta

from common.contracts.catalog import ReservationExpired
from common.persistence.transaction import Transaction

BATCH = 200
# The next question is due after the same time again: an answer that got lost does not keep stock for ever.
EXPIRE = """
UPDATE reservation SET expires_at = $1::timestamptz + $2, updated_at = now()
WHERE order_id IN (SELECT order_id FROM reservation WHERE state = 'reserved' AND expires_at <= $1
                   ORDER BY expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)
RETURNING order_id
"""


async def expire_reservations(tx: Transaction, now: datetime, hold: timedelta) -> int:
    """Publishes ReservationExpired for up to 200 orders; their stock stays set aside until orders decides."""
    expired = await tx.sql.fetch(EXPIRE, now, hold, BATCH)
    for row in expired:
        tx.publish(ReservationExpired(order_id=row["order_id"]))
    return len(expired)
