"""The sandbox's own ledger: what a provider elsewhere would keep, in transactions of its own.

It can be compared with our payments: a key never charges twice, and no more is given back than was captured.
"""

import asyncio
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from common.money import Money
from common.persistence.database import Database

# The charge of a key seen before is returned as it is, only counted.
ENTER = """
INSERT INTO sandbox_charge AS charge (idempotency_key, behaviour, amount, currency, state, captured)
SELECT key, behaviour, amount, currency, state, CASE state WHEN 'captured' THEN amount ELSE 0 END
FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[])
    AS new (key, behaviour, amount, currency, state)
ON CONFLICT (idempotency_key) DO UPDATE SET asked = charge.asked + 1
RETURNING *
"""
FIND = "UPDATE sandbox_charge SET asked = asked + 1 WHERE idempotency_key = $1 RETURNING *"
# A late charge is captured by its cancellation; a key never seen is cancelled before it arrives.
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
KNOWN_REFUND = "SELECT true FROM sandbox_refund WHERE idempotency_key = $1"
REFUND = "INSERT INTO sandbox_refund (idempotency_key, charge, amount) VALUES ($1, $2, $3)"
GIVE_BACK = "UPDATE sandbox_charge SET refunded = refunded + $2 WHERE idempotency_key = $1"


@dataclass(frozen=True, slots=True)
class Entry:
    """A charge as it is first asked for."""

    key: UUID
    behaviour: str
    amount: Money
    state: str


class SandboxBooks:
    """Charges that arrive together are entered by one statement: a transaction each would be the slowest step."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._waiting: dict[UUID, tuple[Entry, asyncio.Future[asyncpg.Record]]] = {}
        self._writing: set[asyncio.Task[None]] = set()

    async def enter(self, entry: Entry) -> asyncpg.Record:
        """The charge of this key, made now unless it was made before."""
        if not self._waiting:
            self._start_writing()
        if entry.key not in self._waiting:
            self._waiting[entry.key] = (entry, asyncio.get_running_loop().create_future())
        # Shielded, because one caller's time-out must not take the answer from another.
        return await asyncio.shield(self._waiting[entry.key][1])

    async def find(self, key: UUID) -> asyncpg.Record | None:
        return await self._write(FIND, key)

    async def cancel(self, key: UUID, behaviour: str, amount: Money) -> asyncpg.Record:
        """End the charge as far as its behaviour allows; leave a cancelled one where there is none."""
        return await self._write(CANCEL, key, behaviour, amount.amount, amount.currency)

    async def complete(self, key: UUID, state: str) -> asyncpg.Record | None:
        """End a charge that waits for its customer; None when it does not."""
        return await self._write(COMPLETE, key, state)

    async def refund(self, refund_id: UUID, key: UUID, amount: int) -> bool:
        """Give back once per `refund_id`; False when less is left."""
        async with self._database.begin() as tx:
            refundable = await tx.sql.fetchval(LOCK, key)
            if await tx.sql.fetchval(KNOWN_REFUND, refund_id):
                return True
            if refundable is None or amount > refundable:
                return False
            await tx.sql.execute(REFUND, refund_id, key, amount)
            await tx.sql.execute(GIVE_BACK, key, amount)
        return True

    async def _write(self, statement: str, *values: object) -> asyncpg.Record:
        async with self._database.begin() as tx:
            return await tx.sql.fetchrow(statement, *values)

    def _start_writing(self) -> None:
        task = asyncio.create_task(self._enter_waiting())
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _enter_waiting(self) -> None:
        """Runs after everybody who is ready to enter has done so."""
        waiting, self._waiting = self._waiting, {}
        try:
            rows = await self._enter([entry for entry, _ in waiting.values()])
        except Exception as error:
            for _, answer in waiting.values():
                answer.set_exception(error)
            return
        for key, (_, answer) in waiting.items():
            answer.set_result(rows[key])

    async def _enter(self, entries: list[Entry]) -> dict[UUID, asyncpg.Record]:
        # In the order of keys, so that two processes with common keys cannot deadlock.
        columns = zip(*(_row(entry) for entry in sorted(entries, key=lambda entry: entry.key)), strict=True)
        async with self._database.begin() as tx:
            rows = await tx.sql.fetch(ENTER, *(list(column) for column in columns))
        return {row["idempotency_key"]: row for row in rows}


def _row(entry: Entry) -> tuple[object, ...]:
    return (entry.key, entry.behaviour, entry.amount.amount, entry.amount.currency, entry.state)
