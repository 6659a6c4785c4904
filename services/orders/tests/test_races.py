"""A cancellation and a payment that meet in the same moment: one of them wins, and all agree which."""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any
from uuid import UUID

import pytest
from services.orders.tests.shop import Shop, succeeded

from common.contracts.orders import OrderCancelled, OrderConfirmed
from common.testing import deliver, eventually, facts

WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


async def in_this_order(shop: Shop, order_id: UUID, *contenders: Coroutine[Any, Any, int]) -> list[int]:
    """Let the contenders queue up for the order, one behind the other, then let them all go."""
    async with shop.database.begin() as holder:
        await holder.sql.execute("SELECT FROM orders WHERE id = $1 FOR UPDATE", order_id)
        tasks: list[asyncio.Task[int]] = []
        for contender in contenders:
            tasks.append(asyncio.create_task(contender))
            await eventually(lambda: as_many_wait_as(shop, tasks))
    return await asyncio.gather(*tasks)


async def as_many_wait_as(shop: Shop, tasks: Sequence[object]) -> bool:
    # A transaction of its own each time: within one, PostgreSQL shows the same activity again and again.
    async with shop.database.begin() as tx:
        waiting: int = await tx.sql.fetchval(WAITING)
    return waiting >= len(tasks)


@pytest.mark.parametrize("first", ["cancel", "payment"])
async def test_a_cancellation_races_with_the_payment(shop: Shop, first: str) -> None:
    customer = shop.customer()
    order = await shop.awaiting_payment(customer)

    async def cancel() -> int:
        return (await customer.call("POST", f"/orders/{order['id']}/cancel")).status_code

    async def pay() -> int:
        await deliver(shop.service, succeeded(order))
        return 0

    contenders = (cancel(), pay()) if first == "cancel" else (pay(), cancel())
    answer = max(await in_this_order(shop, UUID(order["id"]), *contenders))
    confirmed, cancelled = await facts(shop.database, OrderConfirmed), await facts(shop.database, OrderCancelled)
    outcome = ((await shop.status(order))[0], answer, len(confirmed), len(cancelled))
    assert outcome == (("cancelled", 200, 0, 1) if first == "cancel" else ("confirmed", 409, 1, 0))


async def test_of_many_cancellations_at_once_one_succeeds(shop: Shop) -> None:
    customer = shop.customer()
    order = await shop.awaiting_payment(customer)
    path = f"/orders/{order['id']}/cancel"
    answers = await asyncio.gather(*(customer.call("POST", path) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    assert len(await facts(shop.database, OrderCancelled)) == 1


async def test_two_checkouts_of_one_cart_make_one_order(shop: Shop) -> None:
    customer = shop.customer()
    await customer.call("POST", "/cart/items", {"product_id": str(await shop.product()), "quantity": 1})
    answers = await asyncio.gather(*(customer.call("POST", "/orders", {}) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [202, 422, 422, 422, 422]
    assert await shop.count("orders") == 1
