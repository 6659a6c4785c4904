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
    """The provider refused, and nothing was captured. `code` is for programs, `message` for people."""

    type: ClassVar[str] = "billing.payment.failed.v1"
    subject_field: ClassVar[str] = "order_id"

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    amount: Money
    provider: str
    code: str
    message: str = ""


class PaymentActionRequired(Event):
    """The customer must do something first: `action_type` is redirect, qr or sandbox; `action_url` says where."""

    type: ClassVar[str] = "billing.payment.action_required.v1"
    subject_field: ClassVar[str] = "order_id"

    payment_id: UUID
    order_id: UUID
    customer_id: UUID
    provider: str
    action_type: str
    action_url: str | None = None


class PaymentRefunded(Event):
    """Money went back: `amount` now, `refunded` in all, `captured` what had been taken."""

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
    """A part of what billing keeps about a person, for the export that asked."""

    type: ClassVar[str] = "billing.personal_data.gathered.v1"
    subject_field: ClassVar[str] = "export_id"
