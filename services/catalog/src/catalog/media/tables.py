"""Tables of images. They are read and written by plain SQL."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import Field

from catalog.schema import Table
from common.persistence.tables import timestamp


class MediaRow(Table, table=True):
    """An uploaded image: a product's, or a personal picture of `owner_id`, which may be the avatar."""

    __tablename__ = "media"
    __table_args__ = (
        ForeignKeyConstraint(["product_id"], ["product.id"], name="media_product"),
        Index(
            "media_once_per_product", "product_id", "sha256", unique=True, postgresql_where=text("state <> 'rejected'")
        ),
        Index("media_of_product", "product_id", "position", "id", postgresql_where=text("state = 'ready'")),
        Index("media_pending", "created_at", postgresql_where=text("state = 'pending'")),
        Index("media_of_owner", "owner_id", "id"),
        # Two: the ready one is shown while the pending one is processed.
        Index("media_one_avatar", "owner_id", "state", unique=True, postgresql_where=text("is_avatar")),
    )

    id: UUID = Field(primary_key=True)
    product_id: UUID | None
    owner_id: UUID | None
    position: int
    state: str
    content_type: str
    size_bytes: int
    sha256: bytes
    width: int | None
    height: int | None
    reason: str | None
    attempts: int
    claimed_until: datetime | None = timestamp(nullable=True)
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()
    visibility: str
    is_avatar: bool


class DiscardedMedia(Table, table=True):
    """A deleted image whose files may still exist."""

    __tablename__ = "discarded_media"
    __table_args__ = ({"comment": "what is gone, and whose files may still be there"},)

    media_id: UUID = Field(primary_key=True)
    visibility: str
    at: datetime = timestamp()
