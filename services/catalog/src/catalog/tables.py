"""Rows that people edit. Stock and its reservations move in plain SQL and have no class here."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Column, DateTime, Field, SQLModel

from common import clock
from common.ids import new_id
from common.money import Money


class Category(SQLModel, table=True):
    """A place in the tree; `lineage` are the ids from the root down to this one."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    parent_id: UUID | None = None
    lineage: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    name: str
    slug: str
    banner_url: str | None = None
    is_active: bool = True
    is_featured: bool = False
    created_at: datetime = Field(default_factory=clock.now, sa_column=Column(DateTime(timezone=True)))
    updated_at: datetime = Field(default_factory=clock.now, sa_column=Column(DateTime(timezone=True)))


class Product(SQLModel, table=True):
    """Something to sell. The amounts are minor units of `currency`; `charge` keeps them consistent."""

    id: UUID = Field(default_factory=new_id, primary_key=True)
    category_id: UUID | None
    title: str
    slug: str
    sku: str | None = None
    external_key: str | None = None
    description: str = ""
    brand: str | None = None
    attributes: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSONB, nullable=False))
    price_amount: int = Field(default=0, sa_type=BigInteger)
    discount_percent: int = 0
    final_amount: int = Field(default=0, sa_type=BigInteger)
    currency: str = ""
    is_active: bool = True
    is_featured: bool = False
    created_at: datetime = Field(default_factory=clock.now, sa_column=Column(DateTime(timezone=True)))
    updated_at: datetime = Field(default_factory=clock.now, sa_column=Column(DateTime(timezone=True)))
    deleted_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))

    @property
    def price(self) -> Money:
        return Money(amount=self.price_amount, currency=self.currency)

    @property
    def final_price(self) -> Money:
        return Money(amount=self.final_amount, currency=self.currency)

    def charge(self, price: Money, discount_percent: int) -> None:
        """Set the price and the discount, and with them the final price: the only place that computes it."""
        self.price_amount, self.currency = price.amount, price.currency
        self.discount_percent = discount_percent
        self.final_amount = price.discounted(discount_percent).amount
