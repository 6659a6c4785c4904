"""What the routes share, wired by app.py, and the way to products that the replica does not know yet."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, TypeVar
from uuid import UUID

from fastapi import Depends, Request

from common.web.dependencies import Begin
from orders.api.desk import Desk
from orders.api.waiting import WaitingRoom
from orders.domain.lines import UnknownProducts
from orders.domain.order import Deadlines
from orders.providers.catalog import Catalog
from orders.usecases.learn_prices import ASKED, known_prices, learn_prices

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shop:
    """`providers` are the payment providers on offer, the default first."""

    catalog: Catalog
    desk: Desk
    waiting: WaitingRoom
    deadlines: Deadlines
    providers: Sequence[str]
    currency: str

    async def knowing_prices(self, begin: Begin, attempt: Callable[[], Awaitable[T]]) -> T:
        """`attempt`, and once more when it met products that only catalog itself could know.

        Nothing is asked while a transaction is open, and nothing at all as long as the events have arrived.
        """
        try:
            return await attempt()
        except UnknownProducts as unknown:
            await self.ask(begin, unknown.product_ids)
            return await attempt()

    async def ask(self, begin: Begin, product_ids: Sequence[UUID]) -> None:
        """Have the replica know those of the products that exist."""
        async with begin() as tx:
            known = await known_prices(tx, product_ids)
        unknown = [product_id for product_id in dict.fromkeys(product_ids) if product_id not in known]
        prices = await self.catalog.prices_of(unknown) if unknown else []
        async with begin() as tx:
            await learn_prices(tx, [(ASKED, price) for price in prices])


async def _shop(request: Request) -> Shop:
    shop: Shop = request.app.state.shop
    return shop


TheShop = Annotated[Shop, Depends(_shop)]
