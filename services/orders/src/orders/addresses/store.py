"""The SQL of addresses."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from common.persistence.transaction import Transaction
from orders.addresses.tables import Address
from orders.errors import AddressNotFound

# Which address is the default depends on all addresses of a customer, and there is no row that stands for all of them.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('addresses:' || $1::text, 0))"
COUNT = "SELECT count(*) FROM address WHERE user_id = $1"
UNSET_DEFAULT = "UPDATE address SET is_default = false WHERE user_id = $1 AND is_default"
SET_NEWEST_DEFAULT = """
UPDATE address SET is_default = true WHERE id = (SELECT id FROM address WHERE user_id = $1 ORDER BY id DESC LIMIT 1)
"""


async def lock_addresses(tx: Transaction, user_id: UUID) -> None:
    """Keep other transactions from changing the customer's addresses until this one ends."""
    await tx.sql.execute(LOCK, str(user_id))


async def list_addresses(tx: Transaction, user_id: UUID) -> Sequence[Address]:
    """The default first, then the newest."""
    query = select(Address).where(col(Address.user_id) == user_id)
    return (await tx.session.exec(query.order_by(col(Address.is_default).desc(), col(Address.id).desc()))).all()


async def find_address(tx: Transaction, user_id: UUID, address_id: UUID) -> Address:
    """Raises AddressNotFound, also for another customer's address: its existence is not revealed."""
    query = select(Address).where(col(Address.id) == address_id, col(Address.user_id) == user_id)
    address = (await tx.session.exec(query)).first()
    if address is None:
        raise AddressNotFound
    return address


async def count_addresses(tx: Transaction, user_id: UUID) -> int:
    count: int = await tx.sql.fetchval(COUNT, user_id)
    return count


async def save_address(tx: Transaction, address: Address) -> None:
    tx.add(address)
    await tx.flush()


async def delete_address(tx: Transaction, address: Address) -> None:
    await tx.session.delete(address)
    await tx.flush()


async def unset_default(tx: Transaction, user_id: UUID) -> None:
    await tx.sql.execute(UNSET_DEFAULT, user_id)


async def set_newest_default(tx: Transaction, user_id: UUID) -> None:
    await tx.sql.execute(SET_NEWEST_DEFAULT, user_id)
