"""What a customer submits, and how long its order may take."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from orders.orders.domain.saga import Status


@dataclass(frozen=True, slots=True)
class Checkout:
    """`items` are products and quantities; None stands for the cart. `address_id` None stands for the default address.

    `payment_method` is the provider's token. `correlation_id` names the request that the order comes from.
    """

    order_id: UUID
    customer_id: UUID
    items: Sequence[tuple[UUID, int]] | None
    address_id: UUID | None
    provider: str
    payment_method: str | None
    note: str | None
    correlation_id: str


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long catalog may take to reserve stock, and billing and the customer to pay."""

    stock: timedelta
    payment: timedelta

    def of(self, status: Status, now: datetime) -> datetime | None:
        """When an order that enters the status now must have left it; None if it may stay."""
        match status:
            case Status.PENDING:
                return now + self.stock
            case Status.RESERVED | Status.AWAITING_PAYMENT:
                return now + self.payment
        return None
