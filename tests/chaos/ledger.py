"""The responses that customers received: a record that no service writes."""

import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

FINAL = frozenset({"confirmed", "cancelled"})
OK, WAITED, DECLINED, UNKNOWN, SLOW = "ok", "waited", "declined", "unknown", "slow"
CANCELLED_AT_ONCE, CANCELLED_LATE, CANCELLED_BY_STAFF = "cancel", "late", "staff"
SCARCE, PROBE = "scarce", "probe"


@dataclass
class Checkout:
    """One checkout under one Idempotency-Key, sent once or more. `answers` are the order ids of all responses."""

    key: str
    kind: str
    customer: str
    product: str
    placed_at: float = field(default_factory=time.monotonic)
    answers: set[str] = field(default_factory=set)
    reported_statuses: list[str] = field(default_factory=list)
    cancel_asked: bool = False
    cancelled: bool = False
    """Whether a response confirmed our cancellation."""
    attempts: int = 0
    failure: str = ""
    """Why the customer gave up; empty if all requests were answered."""

    @property
    def id(self) -> str | None:
        return min(self.answers, default=None)

    @property
    def status(self) -> str | None:
        """The last state that the customer was shown."""
        return self.reported_statuses[-1] if self.reported_statuses else None


@dataclass
class Ledger:
    """Every checkout of the run, and the initial stock of each product."""

    checkouts: list[Checkout] = field(default_factory=list)
    stocked: dict[str, int] = field(default_factory=dict)

    def open(self, kind: str, key: str, customer: str, product: str) -> Checkout:
        checkout = Checkout(key, kind, customer, product)
        self.checkouts.append(checkout)
        return checkout

    @property
    def customers(self) -> set[str]:
        return {checkout.customer for checkout in self.checkouts}

    @property
    def placed(self) -> list[Checkout]:
        return [checkout for checkout in self.checkouts if checkout.answers]

    def statuses(self) -> Counter[str]:
        """The number of placed checkouts by their last known state."""
        return Counter(str(checkout.status) for checkout in self.placed)

    def unfinished(self) -> Iterable[Checkout]:
        return (checkout for checkout in self.placed if checkout.status not in FINAL)

    def contradictions(self) -> list[str]:
        """Checkouts whose responses contradict each other."""
        found = []
        for checkout in self.checkouts:
            name = f"{checkout.kind} order {checkout.id or checkout.key}"
            if checkout.failure:
                found.append(f"{name}: {checkout.failure}")
            if len(checkout.answers) > 1:
                found.append(f"{name}: one key, {len(checkout.answers)} orders")
            if checkout.cancelled and checkout.status != "cancelled":
                found.append(f"{name}: its cancellation was confirmed, then it was {checkout.status}")
            if "cancelled" in checkout.reported_statuses[:-1] and checkout.status != "cancelled":
                found.append(f"{name}: cancelled, then {checkout.status}")
            if "confirmed" in checkout.reported_statuses[:-1] and checkout.status not in FINAL:
                found.append(f"{name}: confirmed, then {checkout.status}")
            if (
                "confirmed" in checkout.reported_statuses[:-1]
                and checkout.status == "cancelled"
                and not checkout.cancel_asked
            ):
                found.append(f"{name}: confirmed, then cancelled without a request")
        return found
