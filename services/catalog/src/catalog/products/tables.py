"""The product table."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Computed, DateTime, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSON, JSONB, TSVECTOR
from sqlmodel import Field

from catalog.schema import Table
from common import clock
from common.ids import new_id
from common.money import Money

EXISTS = text("deleted_at IS NULL")
LISTED = text("deleted_at IS NULL AND is_active")
FEATURED = text("deleted_at IS NULL AND is_active AND is_featured")
SEARCH = """
setweight(to_tsvector('simple', search_text(title)), 'A')
|| setweight(to_tsvector('simple', search_text(coalesce(brand, '') || ' ' || coalesce(sku, ''))), 'B')
|| setweight(to_tsvector('simple', search_text(left(description, 20000))), 'C')
"""


class Product(Table, table=True):
    """A product. The amounts are minor units of `currency`; `set_price` keeps them consistent."""

    __tablename__ = "product"
    __table_args__ = (
        ForeignKeyConstraint(["category_id"], ["category.id"], name="product_category", ondelete="SET NULL"),
        Index("product_slug_once", "slug", unique=True, postgresql_where=EXISTS),
        Index("product_sku_once", "sku", unique=True, postgresql_where=EXISTS),
        Index("product_external_key_once", "external_key", unique=True, postgresql_where=EXISTS),
        Index("product_newest", "created_at", "id", postgresql_where=LISTED),
        Index("product_cheapest", "final_amount", "id", postgresql_where=LISTED),
        Index("product_of_category", "category_id", postgresql_where=EXISTS),
        Index("product_by_title", "title", "id", postgresql_where=LISTED),
        Index("product_on_shelf", "category_id", "created_at", "id", postgresql_where=LISTED),
        Index("product_featured", "created_at", "id", postgresql_where=FEATURED),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    category_id: UUID | None
    title: str
    slug: str
    sku: str | None = None
    external_key: str | None = None
    description: str = ""
    brand: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, sa_type=JSONB)
    price_amount: int = Field(default=0, sa_type=BigInteger)
    discount_percent: int = Field(default=0, sa_type=SmallInteger)
    final_amount: int = Field(default=0, sa_type=BigInteger)
    currency: str = ""
    is_active: bool = True
    is_featured: bool = False
    created_at: datetime = Field(default_factory=clock.now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(default_factory=clock.now, sa_type=DateTime(timezone=True))
    deleted_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))

    @property
    def price(self) -> Money:
        return Money(amount=self.price_amount, currency=self.currency)

    @property
    def final_price(self) -> Money:
        return Money(amount=self.final_amount, currency=self.currency)

    def set_price(self, price: Money, discount_percent: int) -> None:
        """Set the price, the discount and the final price, which is computed nowhere else."""
        self.price_amount, self.currency = price.amount, price.currency
        self.discount_percent = discount_percent
        self.final_amount = price.discounted(discount_percent).amount


# Columns that the class does not map, so that no statement of the session reads or writes them: media maintains the
# images by plain SQL, PostgreSQL computes the search vector.
_product = Table.metadata.tables["product"]
_product.append_column(Column("images", JSON, nullable=False))
_product.append_column(Column("search", TSVECTOR, Computed(SEARCH, persisted=True), nullable=False))
Index("product_search", _product.c.search, postgresql_using="gin")
