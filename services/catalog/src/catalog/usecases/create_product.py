"""Put a product on offer."""

from catalog.domain.offers import Offer
from catalog.tables import Product
from catalog.usecases import product_facts
from catalog.usecases.naming import free_slug, refusing_conflicts
from common.ids import new_id
from common.persistence.transaction import Transaction


async def create_product(tx: Transaction, offer: Offer) -> Product:
    """The new product, with an empty shelf. Publishes ProductCreated.

    Raises Invalid for an unknown category, Conflict for a taken slug, SKU or external key.
    """
    product_id = new_id()
    product = Product(
        id=product_id,
        category_id=offer.category_id,
        title=offer.title,
        slug=offer.slug or await free_slug(tx, "product", offer.title, product_id),
        sku=offer.sku,
        external_key=offer.external_key,
        description=offer.description,
        brand=offer.brand,
        attributes=dict(offer.attributes),
        is_active=offer.is_active,
        is_featured=offer.is_featured,
    )
    product.charge(offer.price, offer.discount_percent)
    tx.add(product)
    with refusing_conflicts():
        await tx.flush()
    await tx.sql.execute("INSERT INTO stock (product_id) VALUES ($1)", product_id)
    tx.publish(product_facts.created(product))
    return product
