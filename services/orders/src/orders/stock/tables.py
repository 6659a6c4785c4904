"""The replica of catalog's stock levels."""

from uuid import UUID

from sqlmodel import BigInteger, Field

from orders.schema import Table


class ProductStock(Table, table=True):
    """The units of a product that can be sold, by the latest event about them."""

    __tablename__ = "product_stock"

    product_id: UUID = Field(primary_key=True)
    available: int
    sequence: int = Field(sa_type=BigInteger)
