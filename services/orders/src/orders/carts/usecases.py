"""Filling carts within the stock, and taking them for a checkout."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from common.errors import Invalid
from common.persistence.database import Database
from common.persistence.transaction import Transaction
from orders.carts import store
from orders.carts.domain import Cart, CartWarning, Combine, Problem, fill
from orders.errors import CartFull, NotForSale, OutOfStock, PriceUnavailable, UnknownProducts
from orders.prices.domain import MAX_LINES
from orders.prices.usecases import FetchMissingPrices, known_prices
from orders.stock.usecases import add_levels, known_levels

RELEASE_SECONDS = 2.0
RELEASE_PAUSE_SECONDS = 0.1

Wishes = Mapping[UUID, int]
"""Product → quantity."""

LevelsOf = Callable[[Sequence[UUID]], Awaitable[dict[UUID, int]]]
"""`CatalogClient.levels_of`."""


@dataclass(frozen=True, slots=True)
class FilledCart:
    """A cart, and what it could not have whole."""

    cart: Cart
    warnings: Sequence[CartWarning]


@dataclass(frozen=True, slots=True)
class CartFiller:
    """Fills and reads carts by the replicas of prices and stock.

    Before a customer gets less than they ask for, catalog is asked: an event may be on its way. No transaction is open
    meanwhile, and if catalog does not answer, the replica counts. `currency` is that of an empty cart.
    """

    database: Database
    fetch_missing_prices: FetchMissingPrices
    levels_of: LevelsOf
    currency: str

    async def read(self, user_id: UUID) -> FilledCart:
        async with self.database.begin() as tx:
            cart = await store.find_cart(tx, user_id, self.currency)
        if unknown := cart.of_unknown_stock:
            cart = cart.with_stock(await self._ask(unknown, known={}))
        return FilledCart(cart, cart.warnings)

    async def add(self, user_id: UUID, product_id: UUID, quantity: int) -> FilledCart:
        """Raises NotForSale, UnknownProducts, OutOfStock or CartFull if nothing can be added, or PriceUnavailable."""
        await self.fetch_missing_prices([product_id])
        return await self._put(user_id, {product_id: quantity}, _add, field="product_id")

    async def change(self, user_id: UUID, item_id: UUID, quantity: int) -> FilledCart:
        """Raises CartItemNotFound, or the errors of `add`."""
        async with self.database.begin() as tx:
            product_id = await store.product_of_item(tx, user_id, item_id)
        return await self._put(user_id, {product_id: quantity}, _set, field="quantity")

    async def merge(self, user_id: UUID, wishes: Wishes) -> FilledCart:
        """Add what can be had: a guest's cart must not make a sign-in fail."""
        return await self._put_what_fits(user_id, wishes, _add)

    async def restore(self, user_id: UUID, wishes: Wishes, *, awaits_release: bool) -> FilledCart:
        """Have at least these quantities in the cart, as far as they can be had. Repeating it changes nothing.

        `awaits_release`: an order that was cancelled just now may still hold the stock.
        """
        if awaits_release:
            await self._await_release(user_id, wishes)
        return await self._put_what_fits(user_id, wishes, max)

    async def _await_release(self, user_id: UUID, wishes: Wishes) -> None:
        """Returns when catalog has enough of every product, after RELEASE_SECONDS in any case."""
        now = asyncio.get_running_loop().time
        end = now() + RELEASE_SECONDS
        while now() < end:
            asked = await self._levels(user_id, wishes, max)
            if all(asked[product_id] >= wishes[product_id] for product_id in asked):
                return
            await asyncio.sleep(RELEASE_PAUSE_SECONDS)

    async def _put_what_fits(self, user_id: UUID, wishes: Wishes, combine: Combine) -> FilledCart:
        try:
            await self.fetch_missing_prices(list(wishes))
        except PriceUnavailable:
            filled = await self._put(user_id, wishes, combine)
            return replace(filled, warnings=[_without_price(warning) for warning in filled.warnings])
        return await self._put(user_id, wishes, combine)

    async def _put(self, user_id: UUID, wishes: Wishes, combine: Combine, field: str | None = None) -> FilledCart:
        """With a `field`, raises if the cart can have nothing of a product, and the error names that field."""
        asked = await self._levels(user_id, wishes, combine)
        async with self.database.begin() as tx:
            before = await store.lock_cart(tx, user_id)
            prices = await known_prices(tx, list(wishes))
            levels = await known_levels(tx, list(wishes)) | asked
            changed, warnings = fill(before, wishes, combine, prices, levels)
            if field is not None:
                _check(warnings, field)
            await store.save_quantities(tx, user_id, changed)
            cart = (await store.find_cart(tx, user_id, self.currency)).with_stock(asked)
        named = {warning.product_id for warning in warnings}
        return FilledCart(cart, [*warnings, *(each for each in cart.warnings if each.product_id not in named)])

    async def _levels(self, user_id: UUID, wishes: Wishes, combine: Combine) -> dict[UUID, int]:
        """What catalog says about the products of which the replica has too few, or no level."""
        async with self.database.begin() as tx:
            before = await store.find_quantities(tx, user_id)
            prices = await known_prices(tx, list(wishes))
            known = await known_levels(tx, list(wishes))
        doubtful = [
            product_id
            for product_id, quantity in wishes.items()
            if product_id in prices
            and prices[product_id].on_sale
            and known.get(product_id, -1) < combine(before.get(product_id, 0), quantity)
        ]
        return await self._ask(doubtful[:MAX_LINES], known) if doubtful else {}

    async def _ask(self, product_ids: Sequence[UUID], known: Mapping[UUID, int]) -> dict[UUID, int]:
        """Ask catalog, and store the levels that the replica does not have."""
        asked = await self.levels_of(product_ids)
        # A product without units may also be one that is not on sale, and is not stored as sold out.
        if new := {product_id: level for product_id, level in asked.items() if level and product_id not in known}:
            async with self.database.begin() as tx:
                await add_levels(tx, new)
        return asked


async def take_carts(tx: Transaction, user_ids: Sequence[UUID]) -> dict[UUID, list[tuple[UUID, int]]]:
    """Product and quantity of the items in the carts; the carts are empty afterwards."""
    carts: dict[UUID, list[tuple[UUID, int]]] = defaultdict(list)
    for user_id, product_id, quantity in await store.delete_carts(tx, user_ids) if user_ids else []:
        carts[user_id].append((product_id, quantity))
    return carts


def _add(had: int, quantity: int) -> int:
    return had + quantity


def _set(_: int, quantity: int) -> int:
    return quantity


def _without_price(warning: CartWarning) -> CartWarning:
    is_unknown = warning.problem is Problem.UNKNOWN_PRODUCT
    return replace(warning, problem=Problem.PRICE_UNAVAILABLE) if is_unknown else warning


def _check(warnings: Sequence[CartWarning], field: str) -> None:
    """Raises the error of the one wish if nothing of the product can be had."""
    for warning in warnings:
        name = warning.title or "A product"
        errors: dict[Problem, Invalid] = {
            Problem.UNKNOWN_PRODUCT: UnknownProducts([warning.product_id], field),
            Problem.NOT_FOR_SALE: NotForSale(f"{name} is not for sale", field=field),
            Problem.CART_FULL: CartFull(f"A cart holds at most {MAX_LINES} products"),
            Problem.OUT_OF_STOCK: OutOfStock(f"{name} is out of stock", field=field),
        }
        if warning.problem in errors:
            raise errors[warning.problem]
