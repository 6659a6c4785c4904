"""Create, change and delete products."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from catalog.errors import ProductNotFound, SlugTaken
from catalog.products.domain import RESERVED_SLUGS, ProductFields
from catalog.products.store import products as store
from catalog.products.tables import Product
from catalog.slugs import first_free, slugify
from catalog.stock.usecases import open_stock
from common import clock
from common.contracts.catalog import ProductChanged, ProductCreated, ProductDeleted
from common.ids import new_id
from common.money import Money
from common.persistence.transaction import Transaction

ProductEvent = TypeVar("ProductEvent", ProductCreated, ProductChanged)


async def create_product(tx: Transaction, fields: ProductFields) -> Product:
    """Create a product without stock. Publishes ProductCreated.

    Raises UnknownCategory, SlugTaken, SkuTaken or ExternalKeyTaken.
    """
    _check_slug(fields.slug)
    product_id = new_id()
    product = _product(product_id, fields, fields.slug or await _free_slug(tx, fields.title, product_id))
    await store.save_product(tx, product)
    await open_stock(tx, [product_id])
    tx.publish(_event(ProductCreated, product))
    return product


async def create_products(tx: Transaction, many: Sequence[ProductFields]) -> list[Product]:
    """Create products without slugs of their own, as create_product does, by few statements for all of them."""
    slugs = await _free_slugs(tx, [fields.title for fields in many])
    products = [_product(new_id(), fields, slug) for fields, slug in zip(many, slugs, strict=True)]
    await store.save_product(tx, *products)
    await open_stock(tx, [product.id for product in products])
    for product in products:
        tx.publish(_event(ProductCreated, product))
    return products


async def change_product(tx: Transaction, product_id: UUID, changes: Mapping[str, Any]) -> bool:
    """Set the given fields (`price` is Money). Publishes ProductChanged and returns True if a value changed."""
    _check_slug(changes.get("slug"))
    # The row lock also puts the events of concurrent changes in the order of their commits.
    product = await _locked(tx, product_id)
    if not _apply(product, dict(changes)):
        return False
    product.updated_at = clock.now()
    await store.save_product(tx, product)
    tx.publish(_event(ProductChanged, product))
    return True


async def delete_product(tx: Transaction, product_id: UUID) -> None:
    """Mark the product as deleted; the row stays for its orders. Its slug, SKU and external key are free again."""
    product = await _locked(tx, product_id)
    product.deleted_at = product.updated_at = clock.now()
    await store.save_product(tx, product)
    tx.publish(ProductDeleted(product_id=product_id))


async def _locked(tx: Transaction, product_id: UUID) -> Product:
    product = await store.lock_product(tx, product_id)
    if product is None:
        raise ProductNotFound
    return product


def _product(product_id: UUID, fields: ProductFields, slug: str) -> Product:
    product = Product(
        id=product_id,
        category_id=fields.category_id,
        title=fields.title,
        slug=slug,
        sku=fields.sku,
        external_key=fields.external_key,
        description=fields.description,
        brand=fields.brand,
        attributes=dict(fields.attributes),
        is_active=fields.is_active,
        is_featured=fields.is_featured,
    )
    product.set_price(fields.price, fields.discount_percent)
    return product


def _apply(product: Product, changes: dict[str, Any]) -> bool:
    """Whether a value changed."""
    price: Money = changes.pop("price", product.price)
    discount = changes.pop("discount_percent", product.discount_percent)
    has_new_price = (price, discount) != (product.price, product.discount_percent)
    if has_new_price:
        product.set_price(price, discount)
    different = {name: value for name, value in changes.items() if getattr(product, name) != value}
    for name, value in different.items():
        setattr(product, name, value)
    return has_new_price or bool(different)


async def _free_slug(tx: Transaction, title: str, product_id: UUID) -> str:
    base = slugify(title, fallback="product")
    return first_free(base, await store.lock_slugs(tx, base, product_id) | RESERVED_SLUGS)


async def _free_slugs(tx: Transaction, titles: Sequence[str]) -> list[str]:
    bases = [slugify(title, fallback="product") for title in titles]
    taken = await store.lock_bases(tx, set(bases)) | RESERVED_SLUGS
    similar: dict[str, set[str]] = {}
    slugs: list[str] = []
    for base in bases:
        slug = base
        if base in taken:
            if base not in similar:
                similar[base] = await store.lock_slugs(tx, base, new_id())
            slug = first_free(base, similar[base] | taken)
        taken.add(slug)
        slugs.append(slug)
    return slugs


def _check_slug(slug: str | None) -> None:
    if slug in RESERVED_SLUGS:
        raise SlugTaken("This slug is the name of a resource of the API")


def _event(event: type[ProductEvent], product: Product) -> ProductEvent:
    """An event with the whole state of the product."""
    return event(
        product_id=product.id,
        title=product.title,
        sku=product.sku,
        price=product.price,
        discount_percent=product.discount_percent,
        final_price=product.final_price,
        is_active=product.is_active,
        category_id=product.category_id,
    )
