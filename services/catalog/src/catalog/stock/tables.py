"""Tables of stock. They are read and written by plain SQL, at checkout speed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Identity, Index, PrimaryKeyConstraint, text
from sqlmodel import Field

from catalog.schema import Table
from common.persistence.tables import timestamp

# The comments in the database.
RESERVATION = (
    "Every order that catalog was told of. One that was refused, or cancelled before it was placed, has no lines."
)
DELTA = "change of what is available: the sum per product is stock.available"


class Stock(Table, table=True):
    """The units of one product; `available + reserved + sold` changes by adjustments only."""

    __tablename__ = "stock"
    __table_args__ = (ForeignKeyConstraint(["product_id"], ["product.id"], name="stock_product"),)

    product_id: UUID = Field(primary_key=True)
    available: int
    reserved: int
    sold: int
    low_threshold: int


class ReservationRow(Table, table=True):
    """One per order that catalog received an event of; without lines if it was rejected or never placed."""

    __tablename__ = "reservation"
    __table_args__ = (
        Index("reservation_expiry", "expires_at", postgresql_where=text("state = 'reserved'")),
        {"comment": RESERVATION},
    )

    order_id: UUID = Field(primary_key=True)
    state: str
    expires_at: datetime = timestamp()
    created_at: datetime = timestamp()
    updated_at: datetime = timestamp()


class ReservationLine(Table, table=True):
    """Without foreign keys: they would look up once more, per line, what the lock on the stock row has proved."""

    __tablename__ = "reservation_line"
    __table_args__ = (PrimaryKeyConstraint("order_id", "product_id", name="reservation_line_once"),)

    order_id: UUID = Field()
    product_id: UUID = Field()
    quantity: int


class LedgerRow(Table, table=True):
    """A change of the available units; append-only."""

    __tablename__ = "stock_ledger"
    __table_args__ = (
        Index("stock_ledger_product", "product_id", "id"),
        Index("stock_ledger_actor", "actor", "id", postgresql_where=text("actor IS NOT NULL")),
    )

    id: int = Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    product_id: UUID
    delta: int = Field(sa_column_kwargs={"comment": DELTA})
    kind: str
    reason: str | None
    note: str | None
    actor: UUID | None
    order_id: UUID | None
    at: datetime = timestamp()
