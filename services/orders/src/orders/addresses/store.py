"""The SQL of addresses."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlmodel import col, func, select

from common.persistence.search import contains
from common.persistence.transaction import Transaction
from common.web.listing import Sorting
from common.web.pagination import PageRequest
from orders.addresses.tables import Address
from orders.errors import AddressNotFound

# Which address is the default depends on all addresses of a customer, and there is no row that stands for all of them.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('addresses:' || $1::text, 0))"
COUNT = "SELECT count(*) FROM address WHERE user_id = $1"
UNSET_DEFAULT = "UPDATE address SET is_default = false WHERE user_id = $1 AND is_default"
SET_NEWEST_DEFAULT = """
UPDATE address SET is_default = true WHERE id = (SELECT id FROM address WHERE user_id = $1 ORDER BY id DESC LIMIT 1)
"""

SORTING = Sorting({"created_at": "id", "name": "name", "city": "city", "country": "country"})
DEFAULT_FIRST = "is_default DESC, id DESC"
FOUND = text(contains(["name", "line1", "line2", "city", "region", "postal_code", "phone"], ":search"))


async def lock_addresses(tx: Transaction, user_id: UUID) -> None:
    """Keep other transactions from changing the customer's addresses until this one ends."""
    await tx.sql.execute(LOCK, str(user_id))


async def list_addresses(
    tx: Transaction, user_id: UUID, search: str | None, ordering: str | None, page: PageRequest
) -> tuple[Sequence[Address], int]:
    """A page of the customer's addresses, and the number of all; without an ordering, DEFAULT_FIRST."""
    query = select(Address).where(col(Address.user_id) == user_id)
    if search is not None:
        query = query.where(FOUND.bindparams(search=search))
    count = select(func.count()).select_from(query.subquery())
    ordered = query.order_by(text(SORTING.order_by(ordering) if ordering else DEFAULT_FIRST))
    rows = await tx.session.exec(ordered.offset(page.offset).limit(page.limit))
    return rows.all(), (await tx.session.exec(count)).one()


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
