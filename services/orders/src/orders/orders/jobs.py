"""Jobs: cancel overdue orders, report checkouts as metrics, measure the load for admission control."""

from common import clock, metrics
from common.jobs import Job
from common.persistence.database import Database
from orders.orders.domain.checkout import Deadlines
from orders.orders.domain.saga import IN_CHECKOUT
from orders.orders.store.reads import checkouts_by_status
from orders.orders.usecases.admit_checkouts import AdmissionControl
from orders.orders.usecases.expire_orders import expire_orders

EXPIRE_EVERY_SECONDS = 1.0
EXPIRE_BATCH = 256
REPORT_EVERY_SECONDS = 10.0
MEASURE_LOAD_EVERY_SECONDS = 0.5


def build_jobs(database: Database, deadlines: Deadlines) -> list[Job]:
    async def expire() -> int:
        async with database.begin() as tx:
            return await expire_orders(tx, EXPIRE_BATCH, deadlines)

    async def report() -> None:
        async with database.begin() as tx:
            found = await checkouts_by_status(tx, clock.now())
        for status in IN_CHECKOUT:
            orders, oldest = found.get(status, (0, 0.0))
            metrics.SAGA_ORDERS.labels(status).set(orders)
            metrics.SAGA_OLDEST_SECONDS.labels(status).set(oldest)

    return [
        Job("orders.deadlines", EXPIRE_EVERY_SECONDS, expire),
        Job("orders.saga_metrics", REPORT_EVERY_SECONDS, report),
    ]


def admission_job(admission: AdmissionControl) -> Job:
    """For every process that takes orders; the other jobs run in workers."""
    return Job("orders.admission", MEASURE_LOAD_EVERY_SECONDS, admission.measure)
