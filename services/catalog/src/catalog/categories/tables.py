"""The category table."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, ForeignKeyConstraint, Index, Text, UniqueConstraint, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from catalog.schema import Table
from common import clock
from common.ids import new_id

NAME_KEY = "the name as it is compared; null for a name that was there twice before"
LINEAGE = "ids from the root down to the category itself"
ON_SALE = "whether it and all categories above it are active"


class Category(Table, table=True):
    """A node of the category tree."""

    __tablename__ = "category"
    __table_args__ = (
        ForeignKeyConstraint(["parent_id"], ["category.id"], name="category_parent"),
        UniqueConstraint("slug", name="category_slug_once"),
        Index("category_parent_id", "parent_id"),
        Index("category_lineage", "lineage", postgresql_using="gin"),
        Index("category_off_sale", "id", postgresql_where=text("NOT on_sale")),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    parent_id: UUID | None = None
    lineage: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False, comment=LINEAGE))
    name: str
    slug: str
    banner_url: str | None = None
    is_active: bool = True
    on_sale: bool = Field(default=True, sa_column_kwargs={"comment": ON_SALE})
    is_featured: bool = False
    created_at: datetime = Field(default_factory=clock.now, sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(default_factory=clock.now, sa_type=DateTime(timezone=True))


# A trigger writes it, from the name: the class does not map it.
_category = Table.metadata.tables["category"]
_category.append_column(Column("name_key", Text, comment=NAME_KEY))
Index("category_name_once", text(f"coalesce(parent_id, '{UUID(int=0)}')"), _category.c.name_key, unique=True)
