"""What orders does on a clock: end overdue checkouts, and report how the others stand."""

from common import clock, metrics
from common.jobs import Job
from common.persistence.database import Database
from orders.domain.order import Deadlines
from orders.domain.saga import IN_CHECKOUT
from orders.queries import unfinished
from orders.usecases.expire_orders import expire_orders

SWEEP_EVERY = 1.0
SWEEP_BATCH = 256
MEASURE_EVERY = 10.0


def clocked(database: Database, deadlines: Deadlines) -> list[Job]:
    async def sweep() -> int:
        async with database.begin() as tx:
            return await expire_orders(tx, SWEEP_BATCH, deadlines)

    async def measure() -> None:
        async with database.begin() as tx:
            found = await unfinished(tx, clock.now())
        for status in IN_CHECKOUT:
            orders, oldest = found.get(status, (0, 0.0))
            metrics.SAGA_ORDERS.labels(status).set(orders)
            metrics.SAGA_OLDEST_SECONDS.labels(status).set(oldest)

    return [Job("orders.deadlines", SWEEP_EVERY, sweep), Job("orders.saga_metrics", MEASURE_EVERY, measure)]
