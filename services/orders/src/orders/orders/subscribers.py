"""Events of catalog about stock and of billing about payments move orders through the saga."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.contracts.billing import PaymentActionRequired, PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.catalog import ReservationExpired, StockRejected, StockReserved
from common.persistence.transaction import Transaction
from orders.orders.domain.checkout import Deadlines
from orders.orders.domain.payment import PaymentAction, PaymentStatus
from orders.orders.domain.saga import Trigger
from orders.orders.domain.signal import PaymentUpdate, Signal
from orders.orders.usecases.advance_orders import advance_orders
from orders.stock.usecases import update_levels

CHECKOUT = "orders.checkout"
BATCH = 256

StockEvent = StockReserved | StockRejected | ReservationExpired
PaymentEvent = PaymentSucceeded | PaymentFailed | PaymentActionRequired | PaymentRefunded


class OrderSubscribers:
    """Each kind of event comes in batches of its own."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines

    @subscribe(StockReserved, consumer=CHECKOUT, batch=BATCH)
    async def on_stock_reserved(self, events: Sequence[StockReserved], tx: Transaction) -> None:
        await self._advance(tx, [_stock_signal(tx, event, Trigger.STOCK_RESERVED) for event in events])
        await update_levels(
            tx,
            (
                (tx.cloud_event_of(event).sequence, line.product_id, line.available)
                for event in events
                for line in event.lines
            ),
        )

    @subscribe(StockRejected, consumer=CHECKOUT, batch=BATCH)
    async def on_stock_rejected(self, events: Sequence[StockRejected], tx: Transaction) -> None:
        await self._advance(
            tx,
            [
                _stock_signal(tx, event, Trigger.STOCK_REJECTED, event.reason, " ".join(map(str, event.product_ids)))
                for event in events
            ],
        )

    @subscribe(ReservationExpired, consumer=CHECKOUT, batch=BATCH)
    async def on_reservation_expired(self, events: Sequence[ReservationExpired], tx: Transaction) -> None:
        await self._advance(tx, [_stock_signal(tx, event, Trigger.RESERVATION_EXPIRED) for event in events])

    @subscribe(PaymentSucceeded, consumer=CHECKOUT, batch=BATCH)
    async def on_payment_succeeded(self, events: Sequence[PaymentSucceeded], tx: Transaction) -> None:
        await self._advance(tx, [_payment_succeeded(tx, event) for event in events])

    @subscribe(PaymentFailed, consumer=CHECKOUT, batch=BATCH)
    async def on_payment_failed(self, events: Sequence[PaymentFailed], tx: Transaction) -> None:
        await self._advance(tx, [_payment_failed(tx, event) for event in events])

    @subscribe(PaymentActionRequired, consumer=CHECKOUT, batch=BATCH)
    async def on_payment_action_required(self, events: Sequence[PaymentActionRequired], tx: Transaction) -> None:
        await self._advance(tx, [_payment_action_required(tx, event) for event in events])

    @subscribe(PaymentRefunded, consumer=CHECKOUT, batch=BATCH)
    async def on_payment_refunded(self, events: Sequence[PaymentRefunded], tx: Transaction) -> None:
        await self._advance(tx, [_payment_refunded(tx, event) for event in events])

    async def _advance(self, tx: Transaction, signals: Sequence[Signal]) -> None:
        await advance_orders(tx, signals, self._deadlines)


def _payment_succeeded(tx: Transaction, event: PaymentSucceeded) -> Signal:
    update = PaymentUpdate(event.payment_id, PaymentStatus.SUCCEEDED)
    return _payment_signal(tx, event, Trigger.PAYMENT_SUCCEEDED, update)


def _payment_failed(tx: Transaction, event: PaymentFailed) -> Signal:
    update = PaymentUpdate(event.payment_id, PaymentStatus.FAILED)
    return _payment_signal(tx, event, Trigger.PAYMENT_FAILED, update, f"{event.code}: {event.message}".rstrip(": "))


def _payment_action_required(tx: Transaction, event: PaymentActionRequired) -> Signal:
    action = PaymentAction(event.action_type, event.action_url)
    update = PaymentUpdate(event.payment_id, PaymentStatus.ACTION_REQUIRED, action)
    return _payment_signal(tx, event, Trigger.PAYMENT_ACTION_REQUIRED, update, event.action_type)


def _payment_refunded(tx: Transaction, event: PaymentRefunded) -> Signal:
    detail = f"{event.amount.amount} {event.amount.currency} back: {event.reason}"
    if event.refunded < event.captured:
        update = PaymentUpdate(event.payment_id, PaymentStatus.PARTIALLY_REFUNDED)
        return _payment_signal(tx, event, Trigger.REFUNDED_IN_PART, update, detail)
    update = PaymentUpdate(event.payment_id, PaymentStatus.REFUNDED)
    return _payment_signal(tx, event, Trigger.REFUNDED_IN_FULL, update, detail)


def _stock_signal(tx: Transaction, event: StockEvent, trigger: Trigger, reason: str = "", detail: str = "") -> Signal:
    cause = str(tx.cloud_event_of(event).id)
    return Signal(
        event.order_id, trigger, event.type, event.source(), cause, reason=reason, detail=detail, received=event
    )


def _payment_signal(
    tx: Transaction, event: PaymentEvent, trigger: Trigger, update: PaymentUpdate, detail: str = ""
) -> Signal:
    cause = str(tx.cloud_event_of(event).id)
    return Signal(
        event.order_id, trigger, event.type, event.source(), cause, detail=detail, payment=update, received=event
    )
