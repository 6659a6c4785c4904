"""Submitting a checkout: checkouts that arrive at the same time share their transactions."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
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
    """A response to a checkout. A replayed one has no `order_id` and needs no waiting."""

    response: StoredResponse
    order_id: UUID | None = None
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class StatusRequest:
    """An order on which a client waits; its final response is stored under the key."""

    order_id: UUID
    key: KeyedRequest | None


class CheckoutBatcher:
    """Places orders and reads their status, each in groups (see GroupCommit).

    Responses are rendered, by `render`, inside the transaction that stores them for retries.
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
        self._status_reads: GroupCommit[StatusRequest, CheckoutAnswer] = GroupCommit(database, self._read_status)

    async def submit(self, checkout: Checkout, key: KeyedRequest | None) -> CheckoutAnswer:
        """Place the order; returns when it is committed. A retry of an earlier request gets that request's response.

        Raises the error that rejects the checkout. Prices that the replica does not have are fetched once, outside any
        transaction, and never as long as catalog's events arrive in time.
        """
        request = CheckoutRequest(checkout, key, current() or Origin(checkout.correlation_id))
        try:
            return await self._placements.submit(request)
        except UnknownProducts as error:
            await self._fetch_missing_prices(error.product_ids)
            return await self._placements.submit(request)

    async def settled(self, order_id: UUID, key: KeyedRequest | None, *, within: float) -> CheckoutAnswer:
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
                answer = await self._status_reads.submit(StatusRequest(order_id, key))
                if answer.is_settled or now() >= end or not self._watchers.may_wait:
                    return answer
                pause = FIRST_PAUSE_SECONDS if has_changed else min(pause * 2, MAX_PAUSE_SECONDS)

    async def _place(self, tx: Transaction, requests: Sequence[CheckoutRequest]) -> list[CheckoutAnswer | Rejected]:
        is_first = await idempotency.claim(tx, [request.key for request in requests])
        first = list(compress(requests, is_first))
        answers = [self._answer(result) for result in await self._admit_and_place(tx, first)]
        await _store_responses(tx, zip((request.key for request in first), answers, strict=True))
        # Last, so that a retry in the same group finds the response of its first request.
        retries = [request.key for request, yes in zip(requests, is_first, strict=True) if request.key and not yes]
        replays = [_replayed(response) for response in await idempotency.replay(tx, retries)]
        next_answers, next_replays = iter(answers), iter(replays)
        return [next(next_answers if yes else next_replays) for yes in is_first]

    async def _admit_and_place(
        self, tx: Transaction, requests: Sequence[CheckoutRequest]
    ) -> Sequence[Placed | Rejected]:
        # Here and not at the start of the request: a retry gets its response also while new checkouts are rejected.
        if self._admission.is_overloaded:
            return [Rejected(Overloaded())] * len(requests)
        return await place_orders(tx, requests, self._deadlines)

    async def _read_status(self, tx: Transaction, requests: Sequence[StatusRequest]) -> list[CheckoutAnswer | Rejected]:
        orders = await find_orders(tx, [request.order_id for request in requests])
        found = [orders[request.order_id] for request in requests]
        answers: list[CheckoutAnswer | Rejected] = [self._answer_of(order) for order in found]
        final = [
            (request.key, answer)
            for request, order, answer in zip(requests, found, answers, strict=True)
            if order.is_final
        ]
        await _store_responses(tx, final)
        return answers

    def _answer(self, result: Placed | Rejected) -> CheckoutAnswer | Rejected:
        return result if isinstance(result, Rejected) else self._answer_of(StoredOrder.of(result))

    def _answer_of(self, order: StoredOrder) -> CheckoutAnswer:
        return CheckoutAnswer(self._render(order), order.id, order.is_settled)


async def _store_responses(
    tx: Transaction, answers: Iterable[tuple[KeyedRequest | None, CheckoutAnswer | Rejected]]
) -> None:
    responses = {
        keyed.key: answer.response for keyed, answer in answers if keyed and isinstance(answer, CheckoutAnswer)
    }
    await idempotency.store(tx, responses)


def _replayed(response: StoredResponse | Rejected) -> CheckoutAnswer | Rejected:
    return response if isinstance(response, Rejected) else CheckoutAnswer(response)
