"""What orders hears: catalog and billing move the checkout, catalog's products keep the price replica, and people ask
for their data or are erased."""

from collections.abc import Sequence

from common.bus.subscriptions import subscribe
from common.contracts.auth import ExportRequested, UserErased
from common.contracts.billing import PaymentActionRequired, PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.catalog import (
    ProductChanged,
    ProductCreated,
    ProductDeleted,
    ReservationExpired,
    StockRejected,
    StockReserved,
)
from common.contracts.event import Event
from common.persistence.transaction import Transaction
from orders.domain.lines import Price
from orders.domain.order import Deadlines, PaymentNews, Signal
from orders.domain.payment import PaymentAction, PaymentStatus
from orders.domain.saga import Trigger
from orders.usecases.advance_orders import Cause, advance_orders
from orders.usecases.erase_person import erase_people
from orders.usecases.gather_personal_data import gather_personal_data
from orders.usecases.learn_prices import learn_prices

CHECKOUT = "orders.checkout"
PRICES = "orders.prices"
PEOPLE = "orders.people"
BATCH = 256

AboutStock = StockReserved | StockRejected | ReservationExpired
AboutPayment = PaymentSucceeded | PaymentFailed | PaymentActionRequired | PaymentRefunded


class CheckoutSubscribers:
    """Every answer of catalog and billing, each kind in batches, through the one saga."""

    def __init__(self, deadlines: Deadlines) -> None:
        self._deadlines = deadlines

    @subscribe(StockReserved, consumer=CHECKOUT, batch=BATCH)
    async def on_stock_reserved(self, events: Sequence[StockReserved], tx: Transaction) -> None:
        await self._advance(tx, events, [_signal(tx, event, Trigger.STOCK_RESERVED) for event in events])

    @subscribe(StockRejected, consumer=CHECKOUT, batch=BATCH)
    async def on_stock_rejected(self, events: Sequence[StockRejected], tx: Transaction) -> None:
        signals = [
            _signal(tx, event, Trigger.STOCK_REJECTED, event.reason, " ".join(map(str, event.product_ids)))
            for event in events
        ]
        await self._advance(tx, events, signals)

    @subscribe(ReservationExpired, consumer=CHECKOUT, batch=BATCH)
    async def on_reservation_expired(self, events: Sequence[ReservationExpired], tx: Transaction) -> None:
        await self._advance(tx, events, [_signal(tx, event, Trigger.RESERVATION_EXPIRED) for event in events])

    @subscribe(PaymentSucceeded, consumer=CHECKOUT, batch=BATCH)
    async def on_payment_succeeded(self, events: Sequence[PaymentSucceeded], tx: Transaction) -> None:
        await self._advance(tx, events, [_payment_signal(tx, event, Trigger.PAYMENT_SUCCEEDED) for event in events])

    @subscribe(PaymentFailed, consumer=CHECKOUT, batch=BATCH)
    async def on_payment_failed(self, events: Sequence[PaymentFailed], tx: Transaction) -> None:
        signals = [
            _payment_signal(tx, event, Trigger.PAYMENT_FAILED, f"{event.code}: {event.message}".rstrip(": "))
            for event in events
        ]
        await self._advance(tx, events, signals)

    @subscribe(PaymentActionRequired, consumer=CHECKOUT, batch=BATCH)
    async def on_payment_action_required(self, events: Sequence[PaymentActionRequired], tx: Transaction) -> None:
        signals = [_payment_signal(tx, event, Trigger.PAYMENT_ACTION_REQUIRED, event.action_type) for event in events]
        await self._advance(tx, events, signals)

    @subscribe(PaymentRefunded, consumer=CHECKOUT, batch=BATCH)
    async def on_payment_refunded(self, events: Sequence[PaymentRefunded], tx: Transaction) -> None:
        signals = [
            _payment_signal(
                tx,
                event,
                Trigger.REFUNDED_IN_PART if event.refunded < event.captured else Trigger.REFUNDED_IN_FULL,
                f"{event.amount.amount} {event.amount.currency} back: {event.reason}",
            )
            for event in events
        ]
        await self._advance(tx, events, signals)

    async def _advance(self, tx: Transaction, events: Sequence[Event], signals: Sequence[Signal]) -> None:
        causes = [Cause(signal, event) for signal, event in zip(signals, events, strict=True)]
        await advance_orders(tx, causes, self._deadlines)


@subscribe(ProductCreated, consumer=PRICES, batch=BATCH)
async def on_products_created(events: Sequence[ProductCreated], tx: Transaction) -> None:
    await learn_prices(tx, [(tx.cloud_event_of(event).sequence, _price(event)) for event in events])


@subscribe(ProductChanged, consumer=PRICES, batch=BATCH)
async def on_products_changed(events: Sequence[ProductChanged], tx: Transaction) -> None:
    await learn_prices(tx, [(tx.cloud_event_of(event).sequence, _price(event)) for event in events])


@subscribe(ProductDeleted, consumer=PRICES, batch=BATCH)
async def on_products_deleted(events: Sequence[ProductDeleted], tx: Transaction) -> None:
    await learn_prices(
        tx,
        [(tx.cloud_event_of(event).sequence, Price(event.product_id, "", None, is_active=False)) for event in events],
    )


@subscribe(ExportRequested, consumer=PEOPLE)
async def on_export_requested(event: ExportRequested, tx: Transaction) -> None:
    await gather_personal_data(tx, event)


@subscribe(UserErased, consumer=PEOPLE, batch=BATCH)
async def on_users_erased(events: Sequence[UserErased], tx: Transaction) -> None:
    await erase_people(tx, [event.user_id for event in events])


def _price(event: ProductCreated | ProductChanged) -> Price:
    return Price(event.product_id, event.title, event.final_price, event.is_active)


def _signal(tx: Transaction, event: AboutStock, trigger: Trigger, reason: str = "", detail: str = "") -> Signal:
    cause = str(tx.cloud_event_of(event).id)
    return Signal(event.order_id, trigger, event.type, event.source(), cause, reason=reason, detail=detail)


def _payment_signal(tx: Transaction, event: AboutPayment, trigger: Trigger, detail: str = "") -> Signal:
    cause = str(tx.cloud_event_of(event).id)
    news = _news(event)
    return Signal(event.order_id, trigger, event.type, event.source(), cause, detail=detail, payment=news)


def _news(event: AboutPayment) -> PaymentNews:
    match event:
        case PaymentSucceeded():
            return PaymentNews(event.payment_id, PaymentStatus.SUCCEEDED)
        case PaymentFailed():
            return PaymentNews(event.payment_id, PaymentStatus.FAILED)
        case PaymentActionRequired():
            action = PaymentAction(event.action_type, event.action_url)
            return PaymentNews(event.payment_id, PaymentStatus.ACTION_REQUIRED, action)
        case PaymentRefunded():
            in_part = event.refunded < event.captured
            return PaymentNews(
                event.payment_id, PaymentStatus.PARTIALLY_REFUNDED if in_part else PaymentStatus.REFUNDED
            )
