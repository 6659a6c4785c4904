"""The sandbox provider's ledger: what a real provider would store, in transactions of its own.

It can be compared with our payments: a key never charges twice, and no more is refunded than was captured.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from common.money import Money
from common.persistence.database import Database
from common.persistence.rows import columns

# The charge of a known key is returned as it is, only `asked` grows.
CHARGE = """
INSERT INTO sandbox_charge AS charge (idempotency_key, behaviour, amount, currency, state, captured)
SELECT key, behaviour, amount, currency, state, CASE state WHEN 'captured' THEN amount ELSE 0 END
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[])
    AS new (key, behaviour, amount, currency, state)
ON CONFLICT (idempotency_key) DO UPDATE SET asked = charge.asked + 1
RETURNING *
"""
FIND = "UPDATE sandbox_charge SET asked = asked + 1 WHERE idempotency_key = $1 RETURNING *"
# A `tok_late` charge is captured by its cancellation. An unknown key is cancelled before its charge arrives.
CANCEL = """
INSERT INTO sandbox_charge AS charge (idempotency_key, behaviour, amount, currency, state)
VALUES ($1, $2, $3, $4, 'cancelled')
ON CONFLICT (idempotency_key) DO UPDATE SET asked = charge.asked + 1,
    state = CASE charge.state WHEN 'processing' THEN 'captured' WHEN 'action_required' THEN 'cancelled'
            ELSE charge.state END,
    captured = CASE charge.state WHEN 'processing' THEN charge.amount ELSE charge.captured END
RETURNING *
"""
COMPLETE = """
UPDATE sandbox_charge SET state = $2::text, captured = CASE $2::text WHEN 'captured' THEN amount ELSE 0 END
WHERE idempotency_key = $1 AND state = 'action_required' RETURNING *
"""
LOCK = "SELECT captured - refunded AS refundable FROM sandbox_charge WHERE idempotency_key = $1 FOR UPDATE"
FIND_REFUND = "SELECT true FROM sandbox_refund WHERE idempotency_key = $1"
INSERT_REFUND = "INSERT INTO sandbox_refund (idempotency_key, charge, amount) VALUES ($1, $2, $3)"
ADD_REFUND = "UPDATE sandbox_charge SET refunded = refunded + $2 WHERE idempotency_key = $1"


@dataclass(frozen=True, slots=True)
class NewCharge:
    """A charge as its first call would make it."""

    key: UUID
    behaviour: str
    amount: Money
    state: str


class SandboxLedger:
    """Concurrent charges share one statement: with a transaction each, this would be the slowest step of a payment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._queue: dict[UUID, tuple[NewCharge, asyncio.Future[asyncpg.Record]]] = {}
        self._writers: set[asyncio.Task[None]] = set()

    async def charge(self, charge: NewCharge) -> asyncpg.Record:
        """The charge with this key, inserted unless it exists."""
        if not self._queue:
            self._start_writer()
        if charge.key not in self._queue:
            self._queue[charge.key] = (charge, asyncio.get_running_loop().create_future())
        # Shielded, because one caller's time-out must not cancel the future that another caller awaits.
        return await asyncio.shield(self._queue[charge.key][1])

    async def find(self, key: UUID) -> asyncpg.Record | None:
        return await self._fetch(FIND, key)

    async def cancel(self, key: UUID, behaviour: str, amount: Money) -> asyncpg.Record:
        """End the charge as its behaviour allows; insert a cancelled one for an unknown key."""
        return await self._fetch(CANCEL, key, behaviour, amount.amount, amount.currency)

    async def complete(self, key: UUID, state: str) -> asyncpg.Record | None:
        """End a charge that waits for its customer; None if it does not."""
        return await self._fetch(COMPLETE, key, state)

    async def refund(self, refund_id: UUID, key: UUID, amount: int) -> bool:
        """Refund once per `refund_id`; False if less is left."""
        async with self._database.begin() as tx:
            refundable = await tx.sql.fetchval(LOCK, key)
            if await tx.sql.fetchval(FIND_REFUND, refund_id):
                return True
            if refundable is None or amount > refundable:
                return False
            await tx.sql.execute(INSERT_REFUND, refund_id, key, amount)
            await tx.sql.execute(ADD_REFUND, key, amount)
        return True

    async def _fetch(self, statement: str, *values: object) -> asyncpg.Record:
        async with self._database.begin() as tx:
            return await tx.sql.fetchrow(statement, *values)

    def _start_writer(self) -> None:
        task = asyncio.create_task(self._write_queue())
        self._writers.add(task)
        task.add_done_callback(self._writers.discard)

    async def _write_queue(self) -> None:
        """The task first runs when all callers that are ready now have queued their charges."""
        queue, self._queue = self._queue, {}
        try:
            rows = await self._insert([charge for charge, _ in queue.values()])
        except Exception as error:
            for _, future in queue.values():
                future.set_exception(error)
            return
        for key, (_, future) in queue.items():
            future.set_result(rows[key])

    async def _insert(self, charges: list[NewCharge]) -> dict[UUID, asyncpg.Record]:
        # In the order of keys, so that two processes with common keys cannot deadlock.
        rows = (
            (charge.key, charge.behaviour, charge.amount.amount, charge.amount.currency, charge.state)
            for charge in sorted(charges, key=lambda charge: charge.key)
        )
        async with self._database.begin() as tx:
            stored = await tx.sql.fetch(CHARGE, *columns(rows))
        return {row["idempotency_key"]: row for row in stored}
