"""Change a product, or take it off the offer."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from catalog.tables import Product
from catalog.usecases import product_facts
from catalog.usecases.naming import refusing_conflicts
from common import clock
from common.contracts.catalog import ProductDeleted
from common.errors import NotFound
from common.money import Money
from common.persistence.transaction import Transaction


async def change_product(tx: Transaction, product_id: UUID, changes: Mapping[str, Any]) -> bool:
    """Set the fields given (`price` is Money); whether anything changed. Publishes ProductChanged when it did."""
    # The row lock also puts the events of concurrent changes in the order of their commits.
    product = await _locked(tx, product_id)
    if not _apply(product, dict(changes)):
        return False
    product.updated_at = clock.now()
    with refusing_conflicts():
        await tx.flush()
    tx.publish(product_facts.changed(product))
    return True


async def delete_product(tx: Transaction, product_id: UUID) -> None:
    """Keeps the row for orders that hold it; its slug, SKU and external key are free again."""
    product = await _locked(tx, product_id)
    product.deleted_at = product.updated_at = clock.now()
    await tx.flush()
    tx.publish(ProductDeleted(product_id=product_id))


def _apply(product: Product, changes: dict[str, Any]) -> bool:
    price: Money = changes.pop("price", product.price)
    discount = changes.pop("discount_percent", product.discount_percent)
    repriced = (price, discount) != (product.price, product.discount_percent)
    if repriced:
        product.charge(price, discount)
    different = {name: value for name, value in changes.items() if getattr(product, name) != value}
    for name, value in different.items():
        setattr(product, name, value)
    return repriced or bool(different)


async def _locked(tx: Transaction, product_id: UUID) -> Product:
    product = await tx.session.get(Product, product_id, with_for_update=True)
    if product is None or product.deleted_at is not None:
        raise NotFound("There is no such product")
    return product
