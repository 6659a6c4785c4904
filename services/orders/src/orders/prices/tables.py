"""The replica of catalog's prices."""

from uuid import UUID

from sqlmodel import BigInteger, Field

from orders.schema import Table


class ProductPrice(Table, table=True):
    """A product by its latest event; one that was deleted stays as a tombstone without a price."""

    __tablename__ = "product_price"

    product_id: UUID = Field(primary_key=True)
    title: str
    amount: int | None = Field(sa_type=BigInteger)
    currency: str | None
    is_active: bool
    sequence: int = Field(sa_type=BigInteger)
    list_amount: int | None = Field(sa_type=BigInteger)
    category_id: UUID | None


class CategorySale(Table, table=True):
    """Whether products of a category can be bought, by the category's latest event."""

    __tablename__ = "category_sale"

    category_id: UUID = Field(primary_key=True)
    on_sale: bool
    sequence: int = Field(sa_type=BigInteger)
