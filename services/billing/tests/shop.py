"""A billing service and the orders that talk to it, for tests."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import asyncpg

from billing.jobs.teller import Teller
from common.clock import FixedClock
from common.contracts.event import Event
from common.contracts.orders import OrderCancelled, PaymentRequested
from common.ids import new_id
from common.money import Money
from common.persistence.database import Database
from common.testing import deliver, facts
from common.web.service import Service

E = TypeVar("E", bound=Event)


@dataclass
class Shop:
    """`clock` is the process's clock while the test runs; `rest` moves it on to when work is due again."""

    service: Service
    clock: FixedClock = field(default_factory=lambda: FixedClock(datetime.now(UTC)))

    @property
    def database(self) -> Database:
        return self.service.database

    async def request(self, token: str | None = None, **changes: Any) -> PaymentRequested:
        """An order asks for its payment."""
        request = payment_requested(token, **changes)
        await deliver(self.service, request)
        return request

    async def cancel(self, order: PaymentRequested) -> None:
        """The order ends without a sale."""
        await deliver(self.service, order_cancelled(order))

    async def work(self) -> None:
        """Run the jobs until nothing is due at the moment and no call is under way."""
        while sum([await job.run() or 0 for job in self.service.jobs]) or await self._finish_calls():
            pass

    async def rest(self, seconds: float = 600) -> None:
        """Let time pass, then work."""
        self.clock.advance(timedelta(seconds=seconds))
        await self.work()

    async def _finish_calls(self) -> bool:
        """Whether there were any."""
        calls = [call for teller in self.service.resources if isinstance(teller, Teller) for call in teller._calls]
        await asyncio.gather(*calls)
        return bool(calls)

    async def row(self, statement: str, *values: object) -> asyncpg.Record:
        async with self.database.begin() as tx:
            return await tx.sql.fetchrow(statement, *values)

    async def payment(self, order: PaymentRequested) -> asyncpg.Record:
        return await self.row("SELECT * FROM payment WHERE order_id = $1", order.order_id)

    async def charge(self, order: PaymentRequested) -> asyncpg.Record:
        """What the sandbox's own books say."""
        return await self.row(
            "SELECT c.* FROM sandbox_charge c JOIN payment p ON p.id = c.idempotency_key WHERE p.order_id = $1",
            order.order_id,
        )

    async def told(self, event: type[E], order: PaymentRequested) -> list[E]:
        """The events of this type about the order."""
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
