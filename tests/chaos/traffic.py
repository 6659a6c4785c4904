"""A steady, open-loop stream of checkouts: each begins when its time has come, however the others fare."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from uuid import UUID

import httpx

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
from tests.chaos.shoppers import GaveUpError, Shopper

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
"""Of a hundred checkouts. CANCELLED_LATE is cancelled while the payment is in process, which captures it all the same;
CANCELLED_BY_STAFF after it was confirmed."""
TOKENS = {DECLINED: "tok_decline", UNKNOWN: "tok_unknown", SLOW: "tok_slow", CANCELLED_LATE: "tok_late"}
REPEATED = 0.1
MOST_OPEN = 2000
FIRST_POLL, LONGEST_POLL = 0.5, 5.0
WAIT_SECONDS = 240.0


@dataclass
class Traffic:
    """`rate` checkouts per second for as long as it runs; every choice from `rng`, so that a seed repeats them."""

    ledger: Ledger
    shoppers: Sequence[Shopper]
    staff: Shopper
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
        """Begin so many checkouts, or be cancelled before."""
        started = time.monotonic()
        for number in range(most):
            await asyncio.sleep(max(0.0, started + number / self.rate - time.monotonic()))
            self.begin()

    def begin(self) -> None:
        """One more checkout. Its choices are drawn even when there is no room for it: a seed repeats the others."""
        kind = self.rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        shopper = self.rng.choice(self.shoppers)
        product = self.rng.choice(self.scarce if kind == SCARCE else self.plenty)
        key, twice = str(UUID(int=self.rng.getrandbits(128))), self.rng.random() < REPEATED
        if len(self._open) >= MOST_OPEN:
            return
        self.begun += 1
        checkout = self.ledger.open(kind, key, shopper.id, product)
        task = asyncio.create_task(self._experience(checkout, shopper, twice=twice))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def finish(self, within: float) -> None:
        """Wait until every customer has had an answer or given up."""
        if self._open:
            await asyncio.wait(self._open, timeout=within)
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _experience(self, checkout: Checkout, shopper: Shopper, *, twice: bool) -> None:
        try:
            await place(checkout, shopper)
            if twice:
                await place(checkout, shopper)
            await self._change_of_mind(checkout, shopper)
        except GaveUpError as error:
            checkout.failure = str(error)
        except asyncio.CancelledError:
            checkout.failure = "cut off without an answer"
            raise
        except Exception as error:
            checkout.failure = repr(error)

    async def _change_of_mind(self, checkout: Checkout, shopper: Shopper) -> None:
        if checkout.kind == CANCELLED_AT_ONCE:
            await cancel(checkout, shopper)
        elif checkout.kind == CANCELLED_LATE:
            await until(checkout, shopper, FINAL | {"awaiting_payment"})
            await cancel(checkout, shopper)
        elif checkout.kind == CANCELLED_BY_STAFF:
            await until(checkout, shopper, FINAL)
            await cancel(checkout, self.staff)


async def place(checkout: Checkout, shopper: Shopper) -> None:
    """Place it, as often as it takes, under its key."""
    payment = {"provider": "sandbox"} | ({"token": TOKENS[checkout.kind]} if checkout.kind in TOKENS else {})
    body = {"items": [{"product_id": checkout.product, "quantity": 1}], "payment": payment}
    headers = {"Idempotency-Key": checkout.key} | ({"Prefer": "wait=10"} if checkout.kind == WAITED else {})
    checkout.attempts += 1
    response = await shopper.post("/orders", body, **headers)
    if response.status_code not in {201, 202}:
        raise GaveUpError(f"placing it was refused: {response.status_code} {response.text[:200]}")
    data = response.json()["data"]
    checkout.answers.add(data["id"])
    # A repeated key gives the first answer again, which is no news.
    if "idempotency-replayed" not in response.headers:
        checkout.told.append(data["status"])


async def cancel(checkout: Checkout, canceller: Shopper) -> None:
    """409 is no failure: the order was final already."""
    checkout.cancel_asked = True
    response = await canceller.post(f"/orders/{checkout.id}/cancel")
    if response.status_code == 200:
        checkout.cancelled = True
        checkout.told.append("cancelled")
    elif response.status_code != 409:
        raise GaveUpError(f"cancelling it was refused: {response.status_code} {response.text[:200]}")


async def until(checkout: Checkout, shopper: Shopper, statuses: frozenset[str], within: float = WAIT_SECONDS) -> None:
    """Ask until it is in one of these, a bounded time."""
    deadline, pause = time.monotonic() + within, FIRST_POLL
    while time.monotonic() < deadline:
        if await look(checkout, shopper) in statuses:
            return
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, LONGEST_POLL)


async def look(checkout: Checkout, shopper: Shopper) -> str | None:
    """Ask once how it stands, and note what was told."""
    response: httpx.Response = await shopper.get(f"/orders/{checkout.id}")
    if response.status_code != 200:
        raise GaveUpError(f"asking for it was refused: {response.status_code} {response.text[:200]}")
    checkout.told.append(response.json()["data"]["status"])
    return checkout.status
