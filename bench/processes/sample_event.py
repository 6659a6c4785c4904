"""The event of the bus scenarios, its tables and its handlers: inbox and one effect."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from common.bus.subscriptions import Consumer, collect, subscribe
from common.contracts.event import Event
from common.persistence.transaction import Transaction

PRODUCTS = 100
TABLES = f"""
CREATE TABLE product (id integer PRIMARY KEY, sold integer NOT NULL DEFAULT 0) WITH (fillfactor = 70);
INSERT INTO product (id) SELECT generate_series(0, {PRODUCTS - 1});
"""
TEXT = "x" * 60
"""Makes the event's JSON about as long as a payment's."""


class SampleSold(Event):
    type = "bench.thing.sold.v1"
    subject_field = "thing_id"

    thing_id: UUID
    product: int
    text: str = TEXT


ONE = "UPDATE product SET sold = sold + 1 WHERE id = $1"
MANY = """
UPDATE product SET sold = product.sold + n.more
FROM unnest($1::integer[], $2::integer[]) AS n(id, more) WHERE product.id = n.id
"""


class InBatches:
    """A hot consumer: all waiting events in one statement."""

    @subscribe(SampleSold, consumer="bench.things", batch=64)
    async def on_samples_sold(self, events: Sequence[SampleSold], tx: Transaction) -> None:
        counted = sorted(Counter(event.product for event in events).items())
        await tx.sql.execute(MANY, [product for product, _ in counted], [n for _, n in counted])


class OneByOne:
    """An ordinary consumer: one transaction per event."""

    @subscribe(SampleSold, consumer="bench.things")
    async def on_thing_sold(self, event: SampleSold, tx: Transaction) -> None:
        await tx.sql.execute(ONE, event.product)


def consumer(holder: object) -> Consumer:
    (found,) = collect(holder)
    return found
