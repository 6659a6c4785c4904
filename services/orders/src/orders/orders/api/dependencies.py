"""What the routes of orders depend on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from orders.orders.domain.checkout import Deadlines
from orders.orders.usecases.submit_checkout import CheckoutBatcher


@dataclass(frozen=True, slots=True)
class OrderDependencies:
    """`providers` are the payment providers; without a default one, each checkout names one of them."""

    checkouts: CheckoutBatcher
    providers: Sequence[str]
    default_provider: str | None
    deadlines: Deadlines


async def _dependencies(request: Request) -> OrderDependencies:
    orders: OrderDependencies = request.app.state.orders
    return orders


Orders = Annotated[OrderDependencies, Depends(_dependencies)]
