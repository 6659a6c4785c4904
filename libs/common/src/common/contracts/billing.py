"""Events of billing."""

from typing import ClassVar
from uuid import UUID

from common.contracts.data_export import DataExportPart
from common.contracts.event import Event
from common.money import Money


class PaymentSucceeded(Event):
    """The provider captured the amount."""

    type: ClassVar[str] = "billing.payment.succeeded.v1"
    subject_field: ClassVar[str] = "order_id"

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Money
    provider: str
    reference: str | None = None


class PaymentFailed(Event):
    """The payment failed and nothing was captured. `code` is for programs, `message` for people."""

    type: ClassVar[str] = "billing.payment.failed.v1"
    subject_field: ClassVar[str] = "order_id"

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Money
    provider: str
    code: str
    message: str = ""


class PaymentCancelled(Event):
    """The order was cancelled before anything was captured, and nothing will be.

    Without `payment_id`, the payment was never opened: the cancellation arrived before its request.
    """

    type: ClassVar[str] = "billing.payment.cancelled.v1"
    subject_field: ClassVar[str] = "order_id"

    payment_id: UUID | None = None
    order_id: UUID
    customer_id: UUID


class PaymentActionRequired(Event):
    """The customer must act before the payment can succeed: `action_type` is redirect, qr or sandbox."""

    type: ClassVar[str] = "billing.payment.action_required.v1"
    subject_field: ClassVar[str] = "order_id"

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    provider: str
    action_type: str
    action_url: str | None = None


class PaymentRefunded(Event):
    """A refund succeeded: `amount` of this refund, `refunded` in total, out of `captured`."""

    type: ClassVar[str] = "billing.payment.refunded.v1"
    subject_field: ClassVar[str] = "order_id"

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Money
    refunded: Money
    captured: Money
    reason: str


class BillingDataGathered(DataExportPart, Event):
    """A part of the personal data that billing stores about a user, for a data export."""

    type: ClassVar[str] = "billing.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
