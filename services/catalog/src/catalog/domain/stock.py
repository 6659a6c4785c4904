"""Who gets what of the stock: reserving whole orders, and settling them later."""

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


class Move(NamedTuple):
    """Units of one product that change their place; the three changes of an order's move add up to 0."""

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
class Shelf:
    """What can be sold of one product. `on_sale` is false for a product that is deleted or not active."""

    product_id: UUID
    title: str
    available: int
    low_threshold: int
    on_sale: bool = True

    def is_emptied_by(self, taken: int) -> bool:
        """Whether taking that many crosses the threshold from above."""
        return self.available > self.low_threshold >= self.available - taken


@dataclass(frozen=True, slots=True)
class Demand:
    """An order's wish for stock."""

    order_id: UUID
    lines: Lines


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an order gets: everything, or nothing for a reason. `emptied` are the shelves that it made fall low."""

    demand: Demand
    reason: Literal["unknown_product", "out_of_stock"] | None = None
    lacking: tuple[UUID, ...] = ()
    emptied: tuple[Shelf, ...] = ()

    @property
    def moves(self) -> list[Move]:
        """What a granted order takes off the shelves."""
        order_id = self.demand.order_id
        return [
            Move(product_id, "reserved", available=-quantity, reserved=quantity, order_id=order_id)
            for product_id, quantity in self.demand.lines.items()
        ]


def quantities(lines: Iterable[tuple[UUID, int]]) -> Lines:
    """The lines of an order with each product once, in the order of their ids."""
    wanted: defaultdict[UUID, int] = defaultdict(int)
    for product_id, quantity in lines:
        wanted[product_id] += quantity
    return dict(sorted(wanted.items()))


def decide(demands: Sequence[Demand], shelves: Mapping[UUID, Shelf]) -> list[Verdict]:
    """One verdict per order, first come first served, each order wholly or not at all."""
    left = dict(shelves)
    return [_decide_one(demand, left) for demand in demands]


def _decide_one(demand: Demand, left: dict[UUID, Shelf]) -> Verdict:
    unknown = tuple(p for p in demand.lines if p not in left or not left[p].on_sale)
    if unknown:
        return Verdict(demand, "unknown_product", unknown)
    short = tuple(p for p, quantity in demand.lines.items() if left[p].available < quantity)
    if short:
        return Verdict(demand, "out_of_stock", short)
    emptied = []
    for product_id, quantity in demand.lines.items():
        before = left[product_id]
        left[product_id] = replace(before, available=before.available - quantity)
        if before.is_emptied_by(quantity):
            emptied.append(left[product_id])
    return Verdict(demand, emptied=tuple(emptied))


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one order holds; without lines when it was refused or cancelled before it was placed."""

    order_id: UUID
    state: State
    lines: Lines

    def commit(self) -> list[Move]:
        """The sale of what is held; nothing when it is sold already.

        Raises Permanent when the order holds nothing: a confirmed order without stock needs a person.
        """
        if self.state == "committed":
            return []
        if self.state != "reserved":
            raise Permanent(f"order {self.order_id} is confirmed but its stock is {self.state}")
        return [Move(p, "committed", reserved=-n, sold=n, order_id=self.order_id) for p, n in self.lines.items()]

    def release(self) -> list[Move]:
        """What is held, or was sold, goes back on the shelf; nothing when it is there already."""
        if self.state not in ("reserved", "committed"):
            return []
        held = self.state == "reserved"
        return [
            Move(
                product_id,
                "released" if held else "returned",
                available=quantity,
                reserved=-quantity if held else 0,
                sold=0 if held else -quantity,
                order_id=self.order_id,
            )
            for product_id, quantity in self.lines.items()
        ]
