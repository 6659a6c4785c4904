"""Carts."""

from uuid import UUID

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from orders.schema import Table


class CartItem(Table, table=True):
    """A product in a customer's cart. A cart has no row of its own."""

    __tablename__ = "cart_item"
    __table_args__ = (UniqueConstraint("user_id", "product_id", name="cart_item_once"),)

    id: UUID = Field(primary_key=True)
    user_id: UUID
    product_id: UUID
    quantity: int
