"""Allocation of stock to orders, and the state machine of a reservation."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple
from uuid import UUID

from common.errors import Permanent

State = Literal["reserved", "rejected", "committed", "released"]
Kind = Literal["reserved", "committed", "released", "returned", "adjusted"]
Lines = Mapping[UUID, int]
"""Product → quantity, above 0."""


class StockMove(NamedTuple):
    """Units of one product that move between available, reserved and sold.

    Its three changes add up to 0, except in an adjustment.
    """

    product_id: UUID
    kind: Kind
    available: int = 0
    reserved: int = 0
    sold: int = 0
    order_id: UUID | None = None
    reason: str | None = None
    note: str | None = None
    actor: UUID | None = None


@dataclass(frozen=True, slots=True)
class StockLevel:
    """The available units of one product. `on_sale`: not deleted, active, and not below an inactive category."""

    product_id: UUID
    title: str
    available: int
    low_threshold: int
    on_sale: bool = True

    def falls_low(self, quantity: int) -> bool:
        """Whether taking this quantity crosses the threshold from above."""
        return self.available > self.low_threshold >= self.available - quantity


@dataclass(frozen=True, slots=True)
class ReservationRequest:
    """The lines for which an order needs stock."""

    order_id: UUID
    lines: Lines


@dataclass(frozen=True, slots=True)
class ReservationResult:
    """Everything is reserved, or nothing is for a `reason`, and `missing` are the products that caused it.

    `low_stock` are the levels that fell to their threshold.
    """

    request: ReservationRequest
    reason: Literal["unknown_product", "out_of_stock"] | None = None
    missing: tuple[UUID, ...] = ()
    low_stock: tuple[StockLevel, ...] = ()

    @property
    def moves(self) -> list[StockMove]:
        """From available to reserved."""
        order_id = self.request.order_id
        return [
            StockMove(product_id, "reserved", available=-quantity, reserved=quantity, order_id=order_id)
            for product_id, quantity in self.request.lines.items()
        ]


def quantities(lines: Iterable[tuple[UUID, int]]) -> Lines:
    """The sum of the quantities per product, ordered by product id."""
    totals: defaultdict[UUID, int] = defaultdict(int)
    for product_id, quantity in lines:
        totals[product_id] += quantity
    return dict(sorted(totals.items()))


def allocate(requests: Sequence[ReservationRequest], levels: Mapping[UUID, StockLevel]) -> list[ReservationResult]:
    """One result per order, first come, first served; each order is reserved completely or not at all."""
    left = dict(levels)
    return [_allocate_one(request, left) for request in requests]


def _allocate_one(request: ReservationRequest, left: dict[UUID, StockLevel]) -> ReservationResult:
    unknown = tuple(p for p in request.lines if p not in left or not left[p].on_sale)
    if unknown:
        return ReservationResult(request, "unknown_product", unknown)
    short = tuple(p for p, quantity in request.lines.items() if left[p].available < quantity)
    if short:
        return ReservationResult(request, "out_of_stock", short)
    low_stock = []
    for product_id, quantity in request.lines.items():
        before = left[product_id]
        left[product_id] = replace(before, available=before.available - quantity)
        if before.falls_low(quantity):
            low_stock.append(left[product_id])
    return ReservationResult(request, low_stock=tuple(low_stock))


@dataclass(frozen=True, slots=True)
class Reservation:
    """The stock of one order; without lines if it was rejected, or cancelled before it was placed."""

    order_id: UUID
    state: State
    lines: Lines

    def commit(self) -> list[StockMove]:
        """From reserved to sold; nothing if it is committed already.

        Raises Permanent if the order has no reserved stock: a confirmed order without stock needs a person.
        """
        if self.state == "committed":
            return []
        if self.state != "reserved":
            raise Permanent(f"order {self.order_id} is confirmed but its stock is {self.state}")
        return [StockMove(p, "committed", reserved=-n, sold=n, order_id=self.order_id) for p, n in self.lines.items()]

    def release(self) -> list[StockMove]:
        """From reserved, or from sold, back to available; nothing if it is released or was rejected."""
        if self.state not in ("reserved", "committed"):
            return []
        is_reserved = self.state == "reserved"
        return [
            StockMove(
                product_id,
                "released" if is_reserved else "returned",
                available=quantity,
                reserved=-quantity if is_reserved else 0,
                sold=0 if is_reserved else -quantity,
                order_id=self.order_id,
            )
            for product_id, quantity in self.lines.items()
        ]
