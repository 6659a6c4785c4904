"""Accept an import: its file is stored, a worker imports it."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from catalog.errors import TooManyImports
from catalog.imports.domain.encodings import Encoding
from catalog.imports.domain.numbers import DecimalMark
from catalog.imports.store import imports as store
from common import clock
from common.ids import new_id
from common.persistence.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What the importer states about a file: `mapping` is field → column, `currency` that of prices without one,
    `stock` of new products where no column states it, `lines` are the row numbers of the report."""

    currency: str
    mapping: Mapping[str, str] = field(default_factory=dict)
    stock: int = 0
    decimal: DecimalMark | None = None
    encoding: Encoding | None = None
    lines: list[int] | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


async def queue_import(
    tx: Transaction,
    owner_id: UUID,
    options: ImportOptions,
    mapping: Mapping[str, str],
    chunks: AsyncIterator[bytes],
    *,
    file_name: str | None,
    size: int,
    max_unfinished: int,
) -> UUID:
    """The id of the new import. Raises TooManyImports."""
    await store.lock_owner(tx, owner_id)
    if await store.count_unfinished(tx, owner_id) >= max_unfinished:
        raise TooManyImports
    import_id = new_id()
    await store.insert_import(
        tx,
        import_id=import_id,
        owner_id=owner_id,
        file_name=file_name,
        size=size,
        options=options.as_json(),
        mapping=mapping,
        now=clock.now(),
    )
    number = 0
    async for content in chunks:
        await store.insert_chunk(tx, import_id, number, content)
        number += 1
    return import_id
