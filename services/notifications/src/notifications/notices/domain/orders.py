"""Notices about a customer's orders and payments."""

from collections.abc import Callable, Mapping
from typing import Any

from common.contracts.billing import PaymentRefunded
from common.contracts.event import Event
from common.contracts.orders import OrderCancelled, OrderConfirmed, OrderDelivered, OrderLine, OrderShipped
from common.money import format_money
from notifications.notices.domain.notice import Notice

CANCELLATION_REASONS = {
    "out_of_stock": "an item is out of stock",
    "unknown_product": "an item is no longer on offer",
    "payment_declined": "the payment was declined",
    "payment_timeout": "the payment did not arrive in time",
    "stock_timeout": "the stock could not be set aside in time",
    "reservation_expired": "the items could not be held any longer",
    "cancelled_by_customer": "you asked for it",
    "cancelled_by_staff": "the shop could not fulfil it",
}
OTHER_REASON = "it could not be completed"


def order_confirmed(event: OrderConfirmed) -> Notice:
    return Notice(
        user_id=event.customer_id,
        topic="order.confirmed",
        title=f"Order {event.number} is confirmed",
        body=f"We received {format_money(event.total)} and are preparing your order.",
        data=_order(event),
        template="order_confirmed",
        email_data={
            "number": event.number,
            "lines": [_line(line) for line in event.lines],
            "total": event.total.model_dump(),
        },
    )


def order_cancelled(event: OrderCancelled) -> Notice:
    because = CANCELLATION_REASONS.get(event.reason, OTHER_REASON)
    return Notice(
        user_id=event.customer_id,
        topic="order.cancelled",
        title=f"Order {event.number} was cancelled",
        body=f"Your order was cancelled because {because}.",
        data=_order(event) | {"reason": event.reason},
        template="order_cancelled",
        email_data={"number": event.number, "because": because},
    )


def order_shipped(event: OrderShipped) -> Notice:
    by = f" with {event.carrier}" if event.carrier else ""
    tracking = f", tracking number {event.tracking_number}" if event.tracking_number else ""
    shipment = {"carrier": event.carrier, "tracking_number": event.tracking_number}
    return Notice(
        user_id=event.customer_id,
        topic="order.shipped",
        title=f"Order {event.number} is on its way",
        body=f"It left the shop{by}{tracking}.",
        data=_order(event) | shipment,
        template="order_shipped",
        email_data={"number": event.number, **shipment},
    )


def order_delivered(event: OrderDelivered) -> Notice:
    return Notice(
        user_id=event.customer_id,
        topic="order.delivered",
        title=f"Order {event.number} was delivered",
        body="Enjoy it, and tell us if anything is not as it should be.",
        data=_order(event),
        template="order_delivered",
        email_data={"number": event.number},
    )


def payment_refunded(event: PaymentRefunded) -> Notice:
    return Notice(
        user_id=event.customer_id,
        topic="payment.refunded",
        title=f"{format_money(event.amount)} is on its way back to you",
        body="We refunded your payment. It can take a few days to show.",
        data={"order_id": str(event.order_id), "amount": event.amount.model_dump()},
    )


def _order(event: OrderConfirmed | OrderCancelled | OrderShipped | OrderDelivered) -> dict[str, Any]:
    return {"order_id": str(event.order_id), "number": event.number}


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "title": line.title,
        "quantity": line.quantity,
        "unit_price": line.unit_price.model_dump(),
        "line_total": (line.unit_price * line.quantity).model_dump(),
    }


ORDER_NOTICES: Mapping[type[Event], Callable[[Any], Notice]] = {
    OrderConfirmed: order_confirmed,
    OrderCancelled: order_cancelled,
    OrderShipped: order_shipped,
    OrderDelivered: order_delivered,
    PaymentRefunded: payment_refunded,
}
