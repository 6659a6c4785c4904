"""Placing orders: prices freeze and sagas begin. The hot path: three statements and the outbox for a whole group."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from common import clock
from common.context import Origin, use_origin
from common.errors import Rejected
from common.logs import log_items
from common.persistence.transaction import Transaction
from common.web.idempotency import KeyedRequest
from orders.carts.usecases import take_carts
from orders.errors import UnknownAddress
from orders.orders.domain.checkout import Checkout, Deadlines
from orders.orders.domain.order import Order, Placed
from orders.orders.store.orders import insert_orders
from orders.prices.usecases import known_prices

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CheckoutRequest:
    """A checkout, the idempotency key of its request, and the request's trace."""

    checkout: Checkout
    key: KeyedRequest | None
    origin: Origin


async def place_orders(
    tx: Transaction, requests: Sequence[CheckoutRequest], deadlines: Deadlines
) -> list[Placed | Rejected]:
    """The result of each checkout, in order. If one is rejected, the transaction must be rolled back."""
    items = await _requested_items(tx, [request.checkout for request in requests])
    prices = await known_prices(tx, list({product_id for each in items for product_id, _ in each}))
    now = clock.now()
    results: list[Placed | Rejected] = [
        Order.place(request.checkout, each, prices, now, deadlines)
        for request, each in zip(requests, items, strict=True)
    ]
    await insert_orders(tx, [result for result in results if isinstance(result, Placed)])
    results = [_with_known_address(result) for result in results]
    for request, result in zip(requests, results, strict=True):
        if isinstance(result, Placed):
            with use_origin(request.origin):
                tx.publish(result.event)
    tx.after_commit(partial(_log, requests, results))
    return results


def _log(requests: Sequence[CheckoutRequest], results: Sequence[Placed | Rejected]) -> None:
    placed = [
        {
            "order_id": result.order.id,
            "number": result.order.number,
            "correlation_id": request.origin.correlation_id,
        }
        for request, result in zip(requests, results, strict=True)
        if isinstance(result, Placed)
    ]
    log_items(log, "order placed", placed)


async def _requested_items(tx: Transaction, checkouts: Sequence[Checkout]) -> list[Sequence[tuple[UUID, int]]]:
    """The items of each checkout, from its body or from the cart; of two checkouts of one cart, the first gets them."""
    carts = await take_carts(tx, [checkout.customer_id for checkout in checkouts if checkout.items is None])
    return [c.items if c.items is not None else carts.pop(c.customer_id, []) for c in checkouts]


def _with_known_address(result: Placed | Rejected) -> Placed | Rejected:
    """The address is looked up by the statement that inserts the order, so only now is it known to be missing."""
    return Rejected(UnknownAddress()) if isinstance(result, Placed) and result.lacks_address else result
