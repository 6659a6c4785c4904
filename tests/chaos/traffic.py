"""A steady, open-loop stream of checkouts: each starts on schedule, whatever happens to the others."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import httpx

from tests.chaos.customers import GaveUpError, RetryingCustomer
from tests.chaos.ledger import (
    CANCELLED_AT_ONCE,
    CANCELLED_BY_STAFF,
    CANCELLED_LATE,
    DECLINED,
    FINAL,
    OK,
    SCARCE,
    SLOW,
    UNKNOWN,
    WAITED,
    Checkout,
    Ledger,
)

WEIGHTS = {
    OK: 48,
    WAITED: 10,
    DECLINED: 8,
    UNKNOWN: 8,
    SLOW: 3,
    SCARCE: 8,
    CANCELLED_AT_ONCE: 7,
    CANCELLED_LATE: 4,
    CANCELLED_BY_STAFF: 4,
}
"""Percentages. CANCELLED_LATE is cancelled while the payment is in progress, which captures it anyway;
CANCELLED_BY_STAFF after it was confirmed.
"""
TOKENS = {DECLINED: "tok_decline", UNKNOWN: "tok_unknown", SLOW: "tok_slow", CANCELLED_LATE: "tok_late"}
REPEATED = 0.1
MAX_OPEN = 2000
FIRST_POLL, MAX_POLL = 0.5, 5.0
WAIT_SECONDS = 240.0


@dataclass
class Traffic:
    """`rate` checkouts per second; `rng` makes every choice, so that a seed reproduces them."""

    ledger: Ledger
    customers: Sequence[RetryingCustomer]
    staff: RetryingCustomer
    plenty: Sequence[str]
    scarce: Sequence[str]
    rng: Random
    rate: float
    begun: int = 0
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def open(self) -> int:
        return len(self._open)

    async def run(self, most: int = 1_000_000_000) -> None:
        """Start so many checkouts, or be cancelled before."""
        started = time.monotonic()
        for number in range(most):
            await asyncio.sleep(max(0.0, started + number / self.rate - time.monotonic()))
            self.begin()

    def begin(self) -> None:
        """One more checkout. Its choices are made even if there is no room for it, so that a seed reproduces the
        others.
        """
        kind = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        customer = self.rng.choice(self.customers)
        product = self.rng.choice(self.scarce if kind == SCARCE else self.plenty)
        key, twice = str(UUID(int=self.rng.getrandbits(128))), self.rng.random() < REPEATED
        if len(self._open) >= MAX_OPEN:
            return
        self.begun += 1
        checkout = self.ledger.open(kind, key, customer.id, product)
        task = asyncio.create_task(self._experience(checkout, customer, twice=twice))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def finish(self, within: float) -> None:
        """Wait until every customer has had a response or has given up."""
        if self._open:
            await asyncio.wait(self._open, timeout=within)
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _experience(self, checkout: Checkout, customer: RetryingCustomer, *, twice: bool) -> None:
        try:
            await place(checkout, customer)
            if twice:
                await place(checkout, customer)
            await self._change_of_mind(checkout, customer)
        except GaveUpError as error:
            checkout.failure = str(error)
        except asyncio.CancelledError:
            checkout.failure = "cut off without an answer"
            raise
        except Exception as error:
            checkout.failure = repr(error)

    async def _change_of_mind(self, checkout: Checkout, customer: RetryingCustomer) -> None:
        if checkout.kind == CANCELLED_AT_ONCE:
            await cancel(checkout, customer)
        elif checkout.kind == CANCELLED_LATE:
            await until(checkout, customer, FINAL | {"awaiting_payment"})
            await cancel(checkout, customer)
        elif checkout.kind == CANCELLED_BY_STAFF:
            await until(checkout, customer, FINAL)
            await cancel(checkout, self.staff)


async def place(checkout: Checkout, customer: RetryingCustomer) -> None:
    """Place the order, retrying with the same key."""
    payment = {"provider": "sandbox"} | ({"token": TOKENS[checkout.kind]} if checkout.kind in TOKENS else {})
    body = {"items": [{"product_id": checkout.product, "quantity": 1}], "payment": payment}
    headers = {"Idempotency-Key": checkout.key} | ({"Prefer": "wait=10"} if checkout.kind == WAITED else {})
    checkout.attempts += 1
    response = await customer.post("/orders", body, **headers)
    if response.status_code not in {201, 202}:
        raise GaveUpError(f"placing it was refused: {response.status_code} {response.text[:200]}")
    data = response.json()["data"]
    checkout.answers.add(data["id"])
    # A repeated key returns the first response again, which shows nothing new.
    if "idempotency-replayed" not in response.headers:
        checkout.reported_statuses.append(data["status"])


async def cancel(checkout: Checkout, canceller: RetryingCustomer) -> None:
    """409 is not a failure: the order was final already."""
    checkout.cancel_asked = True
    response = await canceller.post(f"/orders/{checkout.id}/cancel")
    if response.status_code == 200:
        checkout.cancelled = True
        checkout.reported_statuses.append("cancelled")
    elif response.status_code != 409:
        raise GaveUpError(f"cancelling it was refused: {response.status_code} {response.text[:200]}")


async def until(
    checkout: Checkout, customer: RetryingCustomer, statuses: frozenset[str], within: float = WAIT_SECONDS
) -> None:
    """Poll until the order is in one of these states, for a bounded time."""
    deadline, pause = time.monotonic() + within, FIRST_POLL
    while time.monotonic() < deadline:
        if await look(checkout, customer) in statuses:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, MAX_POLL)


async def look(checkout: Checkout, customer: RetryingCustomer) -> str | None:
    """Query the order once and record the response."""
    response: httpx.Response = await customer.get(f"/orders/{checkout.id}")
    if response.status_code != 200:
        raise GaveUpError(f"asking for it was refused: {response.status_code} {response.text[:200]}")
    checkout.reported_statuses.append(response.json()["data"]["status"])
    return checkout.status
