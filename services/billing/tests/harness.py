"""A billing service and the orders that use it, for tests."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg

from common.clock import FixedClock
from common.contracts.event import Event
from common.contracts.orders import OrderCancelled, PaymentRequested
from common.ids import new_id
from common.jobs import Job
from common.money import Money
from common.outbound import OutboundWorker
from common.persistence.database import Database
from common.testing import deliver, facts
from common.web.service import Service

E = TypeVar("E", bound=Event)


@dataclass
class Harness:
    """`clock` is the process's clock while a test uses the fixture `harness`."""

    service: Service
    clock: FixedClock = field(default_factory=lambda: FixedClock(datetime.now(UTC)))

    @property
    def database(self) -> Database:
        return self.service.database

    async def request_payment(self, token: str | None = None, **changes: Any) -> PaymentRequested:
        """An order requests its payment."""
        request = payment_requested(token, **changes)
        await deliver(self.service, request)
        return request

    async def cancel_order(self, order: PaymentRequested) -> None:
        """The order ends without a sale."""
        await deliver(self.service, order_cancelled(order))

    def job(self, name: str) -> Job:
        return next(job for job in self.service.jobs if job.name == name)

    async def run_jobs(self) -> None:
        """Run the jobs until nothing is due and no call is in flight."""
        while sum([await job.run() or 0 for job in self.service.jobs]) or await self.join_calls():
            pass

    async def run_jobs_after(self, seconds: float = 600) -> None:
        """Advance the clock, then run the jobs."""
        self.clock.advance(timedelta(seconds=seconds))
        await self.run_jobs()

    async def join_calls(self) -> bool:
        """Wait for the calls in flight. Whether there were any."""
        workers = [each for each in self.service.resources if isinstance(each, OutboundWorker) and each.in_flight]
        await asyncio.gather(*(worker.join() for worker in workers))
        return bool(workers)

    async def fetch_row(self, statement: str, *values: object) -> asyncpg.Record:
        async with self.database.begin() as tx:
            return await tx.sql.fetchrow(statement, *values)

    async def payment(self, order: PaymentRequested) -> asyncpg.Record:
        return await self.fetch_row("SELECT * FROM payment WHERE order_id = $1", order.order_id)

    async def payment_path(self, order: PaymentRequested, suffix: str = "") -> str:
        """The URL path of the order's payment."""
        return f"/api/v1/payments/{(await self.payment(order))['id']}{suffix}"

    async def sandbox_charge(self, order: PaymentRequested) -> asyncpg.Record:
        """The order's charge in the sandbox provider's ledger."""
        return await self.fetch_row(
            "SELECT c.* FROM sandbox_charge c JOIN payment p ON p.id = c.idempotency_key WHERE p.order_id = $1",
            order.order_id,
        )

    async def events(self, event: type[E], order: PaymentRequested) -> list[E]:
        """The published events of this type about the order."""
        return [fact for fact in await facts(self.database, event) if fact.subject == str(order.order_id)]


def payment_requested(token: str | None = None, **changes: Any) -> PaymentRequested:
    order: dict[str, Any] = {
        "order_id": new_id(),
        "number": "DK-2026-000001",
        "customer_id": new_id(),
        "amount": Money(amount=250_000, currency="TZS"),
        "provider": "sandbox",
        "payment_method": token,
    }
    return PaymentRequested(**order | changes)


def order_cancelled(order: PaymentRequested) -> OrderCancelled:
    return OrderCancelled(
        order_id=order.order_id,
        number=order.number,
        customer_id=order.customer_id,
        reason="customer",
        lines=(),
        total=order.amount,
    )
