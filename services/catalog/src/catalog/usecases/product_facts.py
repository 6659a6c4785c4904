"""A product's events: its whole state, as other contexts may know it."""

from catalog.tables import Product
from common.contracts.catalog import ProductChanged, ProductCreated


def created(product: Product) -> ProductCreated:
    return ProductCreated(
        product_id=product.id,
        title=product.title,
        sku=product.sku,
        price=product.price,
        discount_percent=product.discount_percent,
        final_price=product.final_price,
        is_active=product.is_active,
    )


def changed(product: Product) -> ProductChanged:
    return ProductChanged.model_validate(created(product).model_dump())
