"""Concurrent changes of one order: one wins, and all participants agree which."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID

import pytest
from services.orders.tests.harness import Harness, succeeded

from common.contracts.orders import OrderCancelled, OrderConfirmed
from common.testing import deliver, eventually, facts

WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def run_in_order(harness: Harness, order_id: UUID, *contenders: Coroutine[Any, Any, int]) -> list[int]:
    """Let the contenders queue for the lock of the order, one after the other, then release it."""
    async with harness.database.begin() as blocker:
        await blocker.sql.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", order_id)
        tasks: list[asyncio.Task[int]] = []
        for contender in contenders:
            tasks.append(asyncio.create_task(contender))
            await eventually(lambda: as_many_wait(harness, tasks))
    return await asyncio.gather(*tasks)


async def as_many_wait(harness: Harness, tasks: Sequence[object]) -> bool:
    # A transaction of its own each time: within one, PostgreSQL shows the same activity again and again.
    async with harness.database.begin() as tx:
        waiting: int = await tx.sql.fetchval(WAITING)
    return waiting >= len(tasks)


@pytest.mark.parametrize("first", ["cancel", "payment"])
async def test_of_a_concurrent_cancellation_and_payment_one_wins(harness: Harness, first: str) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)

    async def cancel() -> int:
        return (await customer.call("POST", f"/orders/{order['id']}/cancel")).status_code

    async def pay() -> int:
        await deliver(harness.service, succeeded(order))
        return 0

    contenders = (cancel(), pay()) if first == "cancel" else (pay(), cancel())
    response = max(await run_in_order(harness, UUID(order["id"]), *contenders))
    confirmed, cancelled = await facts(harness.database, OrderConfirmed), await facts(harness.database, OrderCancelled)
    outcome = ((await harness.status(order))[0], response, len(confirmed), len(cancelled))
    assert outcome == (("cancelled", 200, 0, 1) if first == "cancel" else ("confirmed", 409, 1, 0))


async def test_of_many_concurrent_cancellations_one_succeeds(harness: Harness) -> None:
    customer = harness.customer()
    order = await harness.awaiting_payment(customer)
    path = f"/orders/{order['id']}/cancel"
    responses = await asyncio.gather(*(customer.call("POST", path) for _ in range(8)))
    assert sorted(response.status_code for response in responses) == [200] + [409] * 7
    assert len(await facts(harness.database, OrderCancelled)) == 1


async def test_concurrent_checkouts_of_one_cart_make_one_order(harness: Harness) -> None:
    customer = harness.customer()
    await customer.call("POST", "/cart/items", {"product_id": str(await harness.product()), "quantity": 1})
    responses = await asyncio.gather(*(customer.call("POST", "/orders", {}) for _ in range(5)))
    assert sorted(response.status_code for response in responses) == [202, 422, 422, 422, 422]
    assert await harness.count("orders") == 1
