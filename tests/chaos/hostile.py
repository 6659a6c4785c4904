"""Messages that no service sends: duplicates, late events, unknown versions, poison."""

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
from tests.chaos.faults import Environment, Fault, NotInjectedError
from tests.chaos.inject.points import IN_HANDLER, KILL, RAISE, Control, Order
from tests.chaos.points import in_force
from tests.chaos.publish import RawMessage, publish, publish_raw, wait_until_accepted, wait_until_dead_lettered

MAX_REPLAYS = 200
PRICE = Money(amount=250_000, currency="TZS")
CRASH_LOOP_SECONDS = 240.0
"""Five crashes with the longest restart pause between them, 30 s: that of a service that crashed shortly before."""
RETRIED_SECONDS = 30.0
CANCELLED_ORDER = """
SELECT id::text, user_id::text FROM orders WHERE status = 'cancelled' ORDER BY created_at DESC LIMIT 50
"""


@dataclass(frozen=True)
class Replays:
    """The events of the last minutes again, some twice, in random order."""

    name: str = "events-replayed"

    async def inject(self, environment: Environment, rng: Random) -> None:
        recent = list(environment.record.recent)
        if not recent:
            raise NotInjectedError("nothing was on the bus yet")
        chosen = rng.choices(recent, k=min(len(recent), MAX_REPLAYS))
        await publish(environment, [(str(message.routing_key), _copy(message)) for message in chosen])


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
    """The cancellation of an order arrives before the order: catalog must not reserve stock for it."""

    name: str = "cancelled-before-placed"

    async def inject(self, environment: Environment, rng: Random) -> None:
        order_id = new_id()
        cancelled, placed = (
            RawMessage.of(_cancelled(environment, order_id)),
            RawMessage.of(_placed(environment, order_id)),
        )
        await publish_raw(environment, cancelled)
        await wait_until_accepted(environment, "catalog.checkout", cancelled.id)
        await publish_raw(environment, placed)
        await wait_until_accepted(environment, "catalog.checkout", placed.id)
        lines = await environment.sql("catalog", "SELECT 1 FROM reservation_line WHERE order_id = $1", order_id)
        assert not lines, f"catalog set stock aside for {order_id}, which was cancelled before"


@dataclass(frozen=True)
class PaidAfterCancelled:
    """A payment result for a cancelled order: the order stays cancelled."""

    name: str = "paid-after-cancelled"

    async def inject(self, environment: Environment, rng: Random) -> None:
        orders = await environment.sql("orders", CANCELLED_ORDER)
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
        await publish_raw(environment, news := RawMessage.of(paid))
        await wait_until_accepted(environment, "orders.checkout", news.id)
        [now] = await environment.sql("orders", "SELECT status FROM orders WHERE id = $1::text::uuid", order["id"])
        assert now["status"] == "cancelled", f"{order['id']} was cancelled and is now {now['status']}"


@dataclass(frozen=True)
class UnknownVersion:
    """A `.v2` event that no service knows: stored in the journal and otherwise ignored."""

    name: str = "event-of-unknown-version"

    async def inject(self, environment: Environment, rng: Random) -> None:
        known = CloudEvent.of(_placed(environment, new_id()))
        await publish_raw(
            environment,
            RawMessage.enveloped(replace(known, type="orders.order.placed.v2", data=b'{"order": {"new": 1}}')),
        )
        query = "SELECT 1 FROM event WHERE id = $1::text::uuid"
        await eventually(lambda: environment.sql("operations", query, str(known.id)), 30)
        dead = await environment.sql("operations", "SELECT queue FROM dead_letter WHERE event_id = $1", known.id)
        assert not dead, f"an unknown version was given up by {dead}"


@dataclass(frozen=True)
class Undecodable:
    """Arbitrary bytes under a known routing key, without and with an event's headers: a dead letter of each queue."""

    name: str = "poison-undecodable"

    async def inject(self, environment: Environment, rng: Random) -> None:
        key = rng.choice((OrderPlaced.type, OrderCancelled.type, PaymentSucceeded.type, StockRejected.type))
        queues = queues_of(key)
        bare = RawMessage(key, b"\xff\x00" + rng.randbytes(64))
        headed = RawMessage.enveloped(
            replace(CloudEvent.of(_placed(environment, new_id())), type=key, data=rng.randbytes(64) + b"\xff")
        )
        await publish_raw(environment, bare, headed)
        for poison in (bare, headed):
            await wait_until_dead_lettered(environment, poison.body, queues)


@dataclass(frozen=True)
class AlwaysFails:
    """A handler always fails on one event: a dead letter of that queue only."""

    name: str = "poison-always-fails"

    async def inject(self, environment: Environment, rng: Random) -> None:
        target = rng.choice(GIVEN_UP_ELSEWHERE)
        # Its last attempt: the retry tiers before it would take five minutes.
        poison = RawMessage.of(POISONS[target](environment), **{ATTEMPT_HEADER: str(MAX_ATTEMPTS)})
        async with _adds_one_dead_letter(environment):
            with in_force(environment, _service(target), Order(IN_HANDLER, RAISE, event=poison.id, standing=True)):
                await publish_raw(environment, poison)
                await wait_until_dead_lettered(environment, poison.body, {f"{target}.v1"})


@dataclass(frozen=True)
class FailsTwice:
    """A handler fails twice on one event: the third attempt succeeds."""

    name: str = "handler-fails-twice"

    async def inject(self, environment: Environment, rng: Random) -> None:
        target = rng.choice(list(POISONS))
        event = RawMessage.of(POISONS[target](environment))
        with in_force(
            environment, _service(target), Order(IN_HANDLER, RAISE, event=event.id, standing=True)
        ) as control:
            await publish_raw(environment, event)
            await eventually(lambda: _failures(control, 2), RETRIED_SECONDS)
        await wait_until_accepted(environment, target, event.id)


async def _failures(control: Control, least: int) -> bool:
    return len(control.acted()) >= least


@dataclass(frozen=True)
class Crashes:
    """An event that ends its handler's process every time: dead-lettered after a few crashes, and no other event with
    it.
    """

    name: str = "poison-crashes"

    async def inject(self, environment: Environment, rng: Random) -> None:
        target = rng.choice(GIVEN_UP_ELSEWHERE)
        poison = RawMessage.of(POISONS[target](environment))
        async with _adds_one_dead_letter(environment):
            with in_force(
                environment, _service(target), Order(IN_HANDLER, KILL, event=poison.id, standing=True)
            ) as control:
                await publish_raw(environment, poison)
                await wait_until_dead_lettered(environment, poison.body, {f"{target}.v1"}, CRASH_LOOP_SECONDS)
        assert len(control.acted()) == MAX_ATTEMPTS, f"given up after {len(control.acted())} lives"


@asynccontextmanager
async def _adds_one_dead_letter(environment: Environment) -> AsyncIterator[None]:
    """The block adds exactly one dead letter."""
    before = await _dead_letters(environment)
    yield
    new = await _dead_letters(environment) - before
    assert len(new) == 1, f"these were given up as well: {new}"


async def _dead_letters(environment: Environment) -> set[tuple[str, str]]:
    rows = await environment.sql("operations", "SELECT queue, event_id::text AS id FROM dead_letter")
    return {(row["queue"], row["id"]) for row in rows}


def queues_of(event_type: str) -> set[str]:
    """The consumers of this event type."""
    listening = (consumer for consumer in consumers() if consumer.name != DEAD_LETTERS)
    return {c.queue for c in listening if any(matches(pattern, event_type) for pattern in c.patterns)}


def _service(consumer: str) -> str:
    return consumer.split(".", 1)[0]


def _line(environment: Environment) -> OrderLine:
    return OrderLine(product_id=UUID(environment.product), title="Basket", quantity=1, unit_price=PRICE)


def _placed(environment: Environment, order_id: UUID) -> OrderPlaced:
    return OrderPlaced(
        order_id=order_id,
        number="DKN-CHAOS",
        customer_id=UUID(environment.customer.id),
        lines=(_line(environment),),
        total=PRICE,
        provider="sandbox",
    )


def _cancelled(environment: Environment, order_id: UUID) -> OrderCancelled:
    return OrderCancelled(
        order_id=order_id,
        number="DKN-CHAOS",
        customer_id=UUID(environment.customer.id),
        reason="cancelled_by_customer",
        lines=(_line(environment),),
        total=PRICE,
    )


def _shipped(environment: Environment) -> OrderShipped:
    return OrderShipped(order_id=new_id(), number="DKN-CHAOS", customer_id=UUID(environment.customer.id))


def _rejected(environment: Environment) -> StockRejected:
    return StockRejected(order_id=new_id(), reason="out_of_stock", product_ids=(UUID(environment.product),))


POISONS: Mapping[str, Callable[[Environment], Event]] = {
    "orders.checkout": _rejected,
    "notifications.orders": _shipped,
    "billing.checkout": lambda environment: _cancelled(environment, new_id()),
    "catalog.checkout": lambda environment: _cancelled(environment, new_id()),
    "operations.journal": _shipped,
}
"""Consumer → an event that it consumes, about an order that does not exist."""

GIVEN_UP_ELSEWHERE = [consumer for consumer in POISONS if _service(consumer) != "operations"]
"""operations stores the dead letters as well: a fault injected on an event there would also hit its dead letter."""

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
