"""The payment of an order may be cancelled; so are those of orders that were cancelled before."""

from alembic import op

revision = "0005"
down_revision = "0004"

# A payment that was captured after all has an event that outranks the cancellation.
CANCELLED = """
ALTER TABLE orders DROP CONSTRAINT orders_payment_status, ADD CONSTRAINT orders_payment_status CHECK (
    payment_status IN ('pending', 'action_required', 'cancelled', 'failed', 'succeeded', 'partially_refunded',
                       'refunded'));
UPDATE orders SET payment_status = 'cancelled', payment_action = NULL
WHERE status = 'cancelled' AND payment_status IN ('pending', 'action_required');
"""


def upgrade() -> None:
    op.execute(CANCELLED)
