"""What no service of ours would send: events again, too late, in a new version, and poison."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from random import Random
from uuid import UUID

import aio_pika

from common.bus.delivery import DEAD_LETTERS, MAX_ATTEMPTS
from common.bus.subscriptions import matches
from common.contracts.billing import PaymentSucceeded
from common.contracts.catalog import StockRejected
from common.contracts.event import Event
from common.contracts.orders import OrderCancelled, OrderLine, OrderPlaced, OrderShipped
from common.events.cloudevent import ATTEMPT_HEADER, CloudEvent
from common.ids import new_id
from common.money import Money
from common.testing import eventually
from dukan.topology import consumers
from tests.chaos.faults import Fault, NotInjectedError, Stage
from tests.chaos.inject.points import IN_HANDLER, KILL, RAISE, Control, Order
from tests.chaos.planting import Plant, accepted, given_up, plant, publish
from tests.chaos.points import in_force

MOST_REPLAYS = 200
PRICE = Money(amount=250_000, currency="TZS")
CRASH_LOOP_SECONDS = 150.0
RETRIED_SECONDS = 30.0
CANCELLED_ORDER = """
SELECT id::text, user_id::text FROM orders WHERE status = 'cancelled' ORDER BY created_at DESC LIMIT 50
"""


@dataclass(frozen=True)
class Replays:
    """Events of the last minutes once more, some twice, in any order."""

    name: str = "events-replayed"

    async def strike(self, stage: Stage, rng: Random) -> None:
        recent = list(stage.record.recent)
        if not recent:
            raise NotInjectedError("nothing was on the bus yet")
        chosen = rng.choices(recent, k=min(len(recent), MOST_REPLAYS))
        await publish(stage, [(str(message.routing_key), _copy(message)) for message in chosen])


def _copy(message: aio_pika.abc.AbstractIncomingMessage) -> aio_pika.Message:
    return aio_pika.Message(
        message.body,
        headers=message.headers,
        message_id=message.message_id,
        type=message.type,
        correlation_id=message.correlation_id,
        timestamp=message.timestamp,
        app_id=message.app_id,
        content_type=message.content_type,
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
    )


@dataclass(frozen=True)
class CancelledFirst:
    """The cancellation of an order comes before the order: catalog must set nothing aside for it."""

    name: str = "cancelled-before-placed"

    async def strike(self, stage: Stage, rng: Random) -> None:
        order_id = new_id()
        cancelled, placed = Plant.of(_cancelled(stage, order_id)), Plant.of(_placed(stage, order_id))
        await plant(stage, cancelled)
        await accepted(stage, "catalog.checkout", cancelled.id)
        await plant(stage, placed)
        await accepted(stage, "catalog.checkout", placed.id)
        lines = await stage.sql("catalog", "SELECT 1 FROM reservation_line WHERE order_id = $1", order_id)
        assert not lines, f"catalog set stock aside for {order_id}, which was cancelled before"


@dataclass(frozen=True)
class PaidAfterCancelled:
    """The news of a payment for an order that was cancelled: it stays cancelled."""

    name: str = "paid-after-cancelled"

    async def strike(self, stage: Stage, rng: Random) -> None:
        orders = await stage.sql("orders", CANCELLED_ORDER)
        if not orders:
            raise NotInjectedError("no order was cancelled yet")
        order = rng.choice(orders)
        paid = PaymentSucceeded(
            payment_id=new_id(),
            order_id=UUID(order["id"]),
            customer_id=UUID(order["user_id"]),
            amount=PRICE,
            provider="sandbox",
        )
        await plant(stage, news := Plant.of(paid))
        await accepted(stage, "orders.checkout", news.id)
        [now] = await stage.sql("orders", "SELECT status FROM orders WHERE id = $1::text::uuid", order["id"])
        assert now["status"] == "cancelled", f"{order['id']} was cancelled and is now {now['status']}"


@dataclass(frozen=True)
class UnknownVersion:
    """A `.v2` that nobody here knows: journalled, and otherwise left alone."""

    name: str = "event-of-unknown-version"

    async def strike(self, stage: Stage, rng: Random) -> None:
        known = CloudEvent.of(_placed(stage, new_id()))
        await plant(
            stage, Plant.enveloped(replace(known, type="orders.order.placed.v2", data=b'{"order": {"new": 1}}'))
        )
        query = "SELECT 1 FROM event WHERE id = $1::text::uuid"
        await eventually(lambda: stage.sql("operations", query, str(known.id)), 30)
        dead = await stage.sql("operations", "SELECT queue FROM dead_letter WHERE event_id = $1", known.id)
        assert not dead, f"an unknown version was given up by {dead}"


@dataclass(frozen=True)
class Undecodable:
    """Bytes under a known routing key, without and with the headers of an event: a dead letter of each queue."""

    name: str = "poison-undecodable"

    async def strike(self, stage: Stage, rng: Random) -> None:
        key = rng.choice((OrderPlaced.type, OrderCancelled.type, PaymentSucceeded.type, StockRejected.type))
        queues = queues_of(key)
        bare = Plant(key, b"\xff\x00" + rng.randbytes(64))
        headed = Plant.enveloped(
            replace(CloudEvent.of(_placed(stage, new_id())), type=key, data=rng.randbytes(64) + b"\xff")
        )
        await plant(stage, bare, headed)
        for poison in (bare, headed):
            await given_up(stage, poison.body, queues)


@dataclass(frozen=True)
class AlwaysFails:
    """A handler fails on one event whatever it tries: a dead letter of that queue alone."""

    name: str = "poison-always-fails"

    async def strike(self, stage: Stage, rng: Random) -> None:
        target = rng.choice(GIVEN_UP_ELSEWHERE)
        # Its last attempt: the five minutes of the attempts before are not ours to wait for.
        poison = Plant.of(POISONS[target](stage), **{ATTEMPT_HEADER: str(MAX_ATTEMPTS)})
        async with _harms_nobody_else(stage):
            with in_force(stage, _service(target), Order(IN_HANDLER, RAISE, event=poison.id, standing=True)):
                await plant(stage, poison)
                await given_up(stage, poison.body, {f"{target}.v1"})


@dataclass(frozen=True)
class FailsTwice:
    """A handler fails on one event twice, then it is mended: the third attempt succeeds."""

    name: str = "handler-fails-twice"

    async def strike(self, stage: Stage, rng: Random) -> None:
        target = rng.choice(list(POISONS))
        event = Plant.of(POISONS[target](stage))
        with in_force(stage, _service(target), Order(IN_HANDLER, RAISE, event=event.id, standing=True)) as control:
            await plant(stage, event)
            await eventually(lambda: _failures(control, 2), RETRIED_SECONDS)
        await accepted(stage, target, event.id)


async def _failures(control: Control, least: int) -> bool:
    return len(control.acted()) >= least


@dataclass(frozen=True)
class Crashes:
    """An event that ends the process of its handler, every time: given up after a few lives, and nothing with it."""

    name: str = "poison-crashes"

    async def strike(self, stage: Stage, rng: Random) -> None:
        target = rng.choice(GIVEN_UP_ELSEWHERE)
        poison = Plant.of(POISONS[target](stage))
        async with _harms_nobody_else(stage):
            with in_force(stage, _service(target), Order(IN_HANDLER, KILL, event=poison.id, standing=True)) as control:
                await plant(stage, poison)
                await given_up(stage, poison.body, {f"{target}.v1"}, CRASH_LOOP_SECONDS)
        assert len(control.acted()) == MAX_ATTEMPTS, f"given up after {len(control.acted())} lives"


@asynccontextmanager
async def _harms_nobody_else(stage: Stage) -> AsyncIterator[None]:
    """The block adds one dead letter, no more."""
    before = await _letters(stage)
    yield
    new = await _letters(stage) - before
    assert len(new) == 1, f"these were given up as well: {new}"


async def _letters(stage: Stage) -> set[tuple[str, str]]:
    rows = await stage.sql("operations", "SELECT queue, event_id::text AS id FROM dead_letter")
    return {(row["queue"], row["id"]) for row in rows}


def queues_of(event_type: str) -> set[str]:
    """Of every consumer that hears this type."""
    listening = (consumer for consumer in consumers() if consumer.name != DEAD_LETTERS)
    return {c.queue for c in listening if any(matches(pattern, event_type) for pattern in c.patterns)}


def _service(consumer: str) -> str:
    return consumer.split(".", 1)[0]


def _line(stage: Stage) -> OrderLine:
    return OrderLine(product_id=UUID(stage.product), title="Basket", quantity=1, unit_price=PRICE)


def _placed(stage: Stage, order_id: UUID) -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id,
        number="DKN-CHAOS",
        customer_id=UUID(stage.customer.id),
        lines=(_line(stage),),
        total=PRICE,
        provider="sandbox",
    )


def _cancelled(stage: Stage, order_id: UUID) -> OrderCancelled:
    return OrderCancelled(
        order_id=order_id,
        number="DKN-CHAOS",
        customer_id=UUID(stage.customer.id),
        reason="cancelled_by_customer",
        lines=(_line(stage),),
        total=PRICE,
    )


def _shipped(stage: Stage) -> OrderShipped:
    return OrderShipped(order_id=new_id(), number="DKN-CHAOS", customer_id=UUID(stage.customer.id))


def _rejected(stage: Stage) -> StockRejected:
    return StockRejected(order_id=new_id(), reason="out_of_stock", product_ids=(UUID(stage.product),))


POISONS: Mapping[str, Callable[[Stage], Event]] = {
    "orders.checkout": _rejected,
    "notifications.orders": _shipped,
    "billing.checkout": lambda stage: _cancelled(stage, new_id()),
    "catalog.checkout": lambda stage: _cancelled(stage, new_id()),
    "operations.journal": _shipped,
}
"""Consumer → an event that it hears, about an order that does not exist."""

GIVEN_UP_ELSEWHERE = [consumer for consumer in POISONS if _service(consumer) != "operations"]
"""operations keeps the dead letters as well: an order that strikes at an event there strikes at its letter, too."""

HOSTILE_FAULTS: Sequence[Fault] = (
    Replays(),
    CancelledFirst(),
    PaidAfterCancelled(),
    UnknownVersion(),
    Undecodable(),
    AlwaysFails(),
    FailsTwice(),
    Crashes(),
)
