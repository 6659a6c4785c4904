"""The checkout desk: requests that come at the same time share their transactions."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from fastapi import Response

from common.errors import DukanError
from common.persistence.database import Database
from common.persistence.group_commit import GroupCommit
from common.persistence.transaction import Transaction
from common.web import idempotency
from common.web.envelope import accepted, created
from common.web.idempotency import Claim
from orders.api.rush import Rush
from orders.api.views import OrderView
from orders.domain.order import Deadlines
from orders.domain.payment import PaymentStatus
from orders.domain.saga import IN_CHECKOUT
from orders.queries import find_orders
from orders.tables import OrderRow
from orders.usecases.place_orders import Checkout, place_orders


@dataclass(frozen=True, slots=True)
class Placing:
    """A checkout, and the repetition key that came with it."""

    checkout: Checkout
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Looking:
    """Somebody who waits for an order's end, and the key under which the answer is to be remembered."""

    order_id: UUID
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class Answer:
    """An order and its rendering: what was just made need not be validated again on the way out."""

    order: OrderRow
    status: int
    body: bytes

    @classmethod
    def of(cls, order: OrderRow) -> "Answer":
        view = OrderView.of(order)
        if order.status in IN_CHECKOUT:
            return cls(order, 202, accepted(view, "Order placed").model_dump_json().encode())
        return cls(order, 201, created(view, f"Order {order.status}").model_dump_json().encode())

    @property
    def is_final(self) -> bool:
        return self.status == 201

    @property
    def is_settled(self) -> bool:
        """Nothing more happens by itself: the order is final, or it is the customer's turn."""
        return self.is_final or self.order.payment_status == PaymentStatus.ACTION_REQUIRED


class Desk:
    """`place(Placing)` answers once the order is committed, or with the first answer to its key; `look(Looking)` is
    the order as it stands, and its key remembers the answer if that is final."""

    def __init__(self, database: Database, deadlines: Deadlines, rush: Rush) -> None:
        self._deadlines = deadlines
        self._rush = rush
        self.place: GroupCommit[Placing, Answer | Response] = GroupCommit(database, self._place)
        self.look: GroupCommit[Looking, Answer] = GroupCommit(database, _look)

    async def _place(self, tx: Transaction, group: Sequence[Placing]) -> list[Answer | Response | Exception]:
        fresh, late = await _first_and_late(tx, group)
        placed = await self._placed(tx, [group[n].checkout for n in fresh])
        outcomes: dict[int, Answer | Response | Exception] = {
            n: order if isinstance(order, DukanError) else Answer.of(order)
            for n, order in zip(fresh, placed, strict=True)
        }
        await _remember(tx, [(group[n].claim, outcome) for n, outcome in outcomes.items()])
        # Last, so that a repetition in the same group is answered too.
        outcomes.update(zip(late, await idempotency.replay(tx, list(late.values())), strict=True))
        return [outcomes[n] for n in range(len(group))]

    async def _placed(self, tx: Transaction, checkouts: Sequence[Checkout]) -> Sequence[OrderRow | DukanError]:
        # Asked here and not at the door: who repeats a request gets the answer that it had.
        if refusal := self._rush.refusal():
            return [refusal] * len(checkouts)
        return await place_orders(tx, checkouts, self._deadlines)


async def _first_and_late(tx: Transaction, group: Sequence[Placing]) -> tuple[list[int], dict[int, Claim]]:
    """The places in the group of those to serve, and of those whose key was used before."""
    claims = {n: placing.claim for n, placing in enumerate(group) if placing.claim is not None}
    unused = await idempotency.claim(tx, list(claims.values()))
    late: dict[int, Claim] = {}
    for n, claim in claims.items():
        if claim.name in unused:
            unused.remove(claim.name)
        else:
            late[n] = claim
    return [n for n in range(len(group)) if n not in late], late


async def _look(tx: Transaction, group: Sequence[Looking]) -> list[Answer | Exception]:
    orders = await find_orders(tx, [looking.order_id for looking in group])
    answers: list[Answer | Exception] = [Answer.of(orders[looking.order_id]) for looking in group]
    finals = [
        (looking.claim, answer)
        for looking, answer in zip(group, answers, strict=True)
        if isinstance(answer, Answer) and answer.is_final
    ]
    await _remember(tx, finals)
    return answers


async def _remember(tx: Transaction, answers: Sequence[tuple[Claim | None, Answer | Response | Exception]]) -> None:
    await idempotency.store(
        tx, {claim.name: (a.status, a.body) for claim, a in answers if claim and isinstance(a, Answer)}
    )
