"""How a payment begins."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from billing.domain.payment import Change, Payment, Status, refuse, settle_nothing
from common.errors import Permanent
from common.money import Money


def open_payment(
    payment_id: UUID,
    *,
    order_id: UUID,
    customer_id: UUID,
    number: str,
    provider: str,
    method: str | None,
    amount: Money,
    offered: Collection[str],
    now: datetime,
) -> Change:
    """A payment that is due at once; decided at once where no provider needs to be asked.

    Raises Permanent for a negative amount: no provider could ever be asked to take it.
    """
    if amount.amount < 0:
        raise Permanent(f"order {number} asks for a negative payment of {amount.amount} {amount.currency}")
    payment = Payment(
        id=payment_id,
        order_id=order_id,
        customer_id=customer_id,
        number=number,
        provider=provider,
        method=method,
        amount=amount,
        status=Status.PENDING,
        captured=0,
        promised=0,
        refunded=0,
        reference=None,
        failure_code=None,
        failure_message=None,
        action_type=None,
        action_url=None,
        cancel_requested=False,
        attempts=0,
        next_attempt_at=now,
        created_at=now,
    )
    if provider not in offered:
        return refuse(payment, "provider_not_offered", f"Payments through {provider} are not offered")
    return settle_nothing(payment) if amount.amount == 0 else Change(payment)
