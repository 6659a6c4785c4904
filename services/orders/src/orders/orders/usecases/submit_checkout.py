"""Submitting a checkout: checkouts that arrive at the same time share their transactions."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import compress
from uuid import UUID

from common.context import Origin, current
from common.errors import Rejected
from common.jobs import wait
from common.persistence.database import Database
from common.persistence.group_commit import GroupCommit
from common.persistence.transaction import Transaction
from common.web import idempotency
from common.web.idempotency import KeyedRequest, StoredResponse
from orders.errors import Overloaded, UnknownProducts
from orders.orders.domain.checkout import Checkout, Deadlines
from orders.orders.domain.order import Placed
from orders.orders.store.reads import StoredOrder, find_orders
from orders.orders.usecases.admit_checkouts import AdmissionControl
from orders.orders.usecases.place_orders import CheckoutRequest, place_orders
from orders.orders.usecases.watch_orders import OrderWatchers
from orders.prices.usecases import FetchMissingPrices

FIRST_PAUSE_SECONDS = 0.02
MAX_PAUSE_SECONDS = 3.0

Render = Callable[[StoredOrder], StoredResponse]


@dataclass(frozen=True, slots=True)
class CheckoutAnswer:
    """The response to a checkout, with its order as it is now. `is_replay`: to a retry of it."""

    response: StoredResponse
    order_id: UUID
    is_settled: bool
    is_replay: bool = False


class CheckoutBatcher:
    """Places orders and reads their status, each in groups (see GroupCommit).

    `render` makes a response of an order. A retry is answered with the order as it is now: its client may have been
    told more than the first response said.
    """

    def __init__(
        self,
        database: Database,
        deadlines: Deadlines,
        *,
        admission: AdmissionControl,
        watchers: OrderWatchers,
        fetch_missing_prices: FetchMissingPrices,
        render: Render,
    ) -> None:
        self._deadlines = deadlines
        self._admission = admission
        self._watchers = watchers
        self._fetch_missing_prices = fetch_missing_prices
        self._render = render
        self._placements: GroupCommit[CheckoutRequest, CheckoutAnswer] = GroupCommit(database, self._place)
        self._status_reads: GroupCommit[UUID, CheckoutAnswer] = GroupCommit(database, self._read_status)

    async def submit(self, checkout: Checkout, key: KeyedRequest | None) -> CheckoutAnswer:
        """Place the order; returns when it is committed. A retry of an earlier request gets that request's order.

        Raises the error that rejects the checkout. Prices that the replica does not have are fetched once, outside any
        transaction, and never as long as catalog's events arrive in time.
        """
        keyed = replace(key, resource_id=checkout.order_id) if key else None
        request = CheckoutRequest(checkout, keyed, current() or Origin(checkout.correlation_id))
        try:
            return await self._placements.submit(request)
        except UnknownProducts as error:
            await self._fetch_missing_prices(error.product_ids)
            return await self._placements.submit(request)

    async def settled(self, order_id: UUID, *, within: float) -> CheckoutAnswer:
        """The answer once the order is settled, or its current one after `within` seconds or when the process stops.

        An event about the order triggers a read. It may arrive before this service has handled the same event itself,
        so the reads after it repeat with growing pauses; without any event the order is read every MAX_PAUSE_SECONDS.
        """
        now = asyncio.get_running_loop().time
        end = now() + within
        pause = MAX_PAUSE_SECONDS
        with self._watchers.watch(order_id) as changed:
            while True:
                has_changed = self._watchers.may_wait and await wait(changed, min(pause, end - now()))
                if has_changed:
                    changed.clear()
                answer = await self._status_reads.submit(order_id)
                if answer.is_settled or now() >= end or not self._watchers.may_wait:
                    return answer
                pause = FIRST_PAUSE_SECONDS if has_changed else min(pause * 2, MAX_PAUSE_SECONDS)

    async def _place(self, tx: Transaction, requests: Sequence[CheckoutRequest]) -> list[CheckoutAnswer | Rejected]:
        is_first = await idempotency.claim(tx, [request.key for request in requests])
        first = list(compress(requests, is_first))
        answers = [self._answer(result) for result in await self._admit_and_place(tx, first)]
        # Last, so that a retry in the same group finds the order of its first request.
        retries = [request.key for request, yes in zip(requests, is_first, strict=True) if request.key and not yes]
        replays = await self._replay(tx, retries) if retries else []
        next_answers, next_replays = iter(answers), iter(replays)
        return [next(next_answers if yes else next_replays) for yes in is_first]

    async def _admit_and_place(
        self, tx: Transaction, requests: Sequence[CheckoutRequest]
    ) -> Sequence[Placed | Rejected]:
        # Here and not at the start of the request: a retry gets its response also while new checkouts are rejected.
        if self._admission.is_overloaded:
            return [Rejected(Overloaded())] * len(requests)
        return await place_orders(tx, requests, self._deadlines)

    async def _replay(self, tx: Transaction, retries: Sequence[KeyedRequest]) -> list[CheckoutAnswer | Rejected]:
        responses = await idempotency.replay(tx, retries)
        ids = [response.resource_id for response in responses if isinstance(response, StoredResponse)]
        orders = await find_orders(tx, ids)
        return [
            response
            if isinstance(response, Rejected)
            else replace(self._answer_of(orders[response.resource_id]), is_replay=True)
            for response in responses
        ]

    async def _read_status(self, tx: Transaction, order_ids: Sequence[UUID]) -> list[CheckoutAnswer]:
        orders = await find_orders(tx, order_ids)
        return [self._answer_of(orders[order_id]) for order_id in order_ids]

    def _answer(self, result: Placed | Rejected) -> CheckoutAnswer | Rejected:
        return result if isinstance(result, Rejected) else self._answer_of(StoredOrder.of(result))

    def _answer_of(self, order: StoredOrder) -> CheckoutAnswer:
        return CheckoutAnswer(self._render(order), order.id, order.is_settled)
