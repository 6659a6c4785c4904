"""Tables of imports. They are read and written by plain SQL."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, text
from sqlmodel import Field

from catalog.schema import Table
from common.persistence.tables import json_column, timestamp


class ImportRow(Table, table=True):
    """An import, which is a task: `status`, `done`, `total` and `note` are those of the task.

    `attempts` is the fencing token too: only the last attempt may write.
    """

    __tablename__ = "product_import"
    __table_args__ = (
        Index(
            "product_import_unfinished",
            "created_at",
            postgresql_where=text("status IN ('PENDING', 'STARTED', 'RETRY')"),
        ),
        Index("product_import_of_owner", "owner_id", "id"),
        Index("product_import_finished", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    )

    id: UUID = Field(primary_key=True)
    owner_id: UUID | None
    status: str
    file_name: str | None
    size_bytes: int = Field(sa_type=BigInteger)
    options: dict[str, Any] = json_column()
    columns: list[str] | None = json_column(nullable=True)
    mapping: dict[str, str] | None = json_column(nullable=True)
    note: str | None
    done: int
    total: int | None
    created: int
    updated: int
    unchanged: int
    failed: int
    error_code: str | None
    error_message: str | None
    attempts: int
    claimed_until: datetime | None = timestamp(nullable=True)
    created_at: datetime = timestamp()
    started_at: datetime | None = timestamp(nullable=True)
    finished_at: datetime | None = timestamp(nullable=True)


class ImportChunk(Table, table=True):
    """A part of the file of an unfinished import."""

    __tablename__ = "product_import_chunk"
    __table_args__ = (
        ForeignKeyConstraint(
            ["import_id"], ["product_import.id"], name="product_import_chunk_import", ondelete="CASCADE"
        ),
        {"comment": "the file, until the import has finished"},
    )

    import_id: UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    content: bytes


class ReportRow(Table, table=True):
    """The outcome of one row of a file. `position` counts the rows from 1."""

    __tablename__ = "product_import_row"
    __table_args__ = (
        ForeignKeyConstraint(
            ["import_id"], ["product_import.id"], name="product_import_row_import", ondelete="CASCADE"
        ),
        Index("product_import_row_outcome", "import_id", "outcome", "position"),
        {"comment": "the report of an import"},
    )

    import_id: UUID = Field(primary_key=True)
    position: int = Field(primary_key=True)
    line: int
    outcome: str
    product_id: UUID | None
    external_key: str | None
    sku: str | None
    image: str | None
    errors: list[dict[str, Any]] = json_column()
