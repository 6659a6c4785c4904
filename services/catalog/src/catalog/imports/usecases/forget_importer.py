"""Erase a person from the imports, which stay."""

from uuid import UUID

from catalog.imports.store import imports as store
from common.persistence.transaction import Transaction


async def forget_importer(tx: Transaction, owner_id: UUID) -> None:
    await store.remove_owner(tx, owner_id)
