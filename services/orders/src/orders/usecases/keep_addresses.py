"""A customer's addresses. Whoever has any has exactly one default."""

from uuid import UUID

from sqlmodel import col, select

from common.errors import Invalid, NotFound
from common.persistence.transaction import Transaction
from orders.tables import Address

MAX_ADDRESSES = 50

# The default is a matter of all of a customer's addresses together.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('addresses:' || $1::text, 0))"
UNSET_DEFAULT = "UPDATE address SET is_default = false WHERE user_id = $1 AND is_default"
# The newest takes the place of a default that is gone.
HEIR = """
UPDATE address SET is_default = true WHERE id = (SELECT id FROM address WHERE user_id = $1 ORDER BY id DESC LIMIT 1)
"""
COUNT = "SELECT count(*) FROM address WHERE user_id = $1"


async def add_address(tx: Transaction, address: Address) -> Address:
    """The first one becomes the default whether or not it asks to be."""
    await tx.sql.execute(LOCK, str(address.user_id))
    count = await tx.sql.fetchval(COUNT, address.user_id)
    if count >= MAX_ADDRESSES:
        raise Invalid(f"At most {MAX_ADDRESSES} addresses", code="orders.too_many_addresses")
    if address.is_default:
        await tx.sql.execute(UNSET_DEFAULT, address.user_id)
    address.is_default = address.is_default or count == 0
    tx.add(address)
    await tx.flush()
    return address


async def change_address(tx: Transaction, user_id: UUID, address_id: UUID, changes: dict[str, object]) -> Address:
    """Apply the fields given. A default stays one until another takes its place."""
    await tx.sql.execute(LOCK, str(user_id))
    address = await own_address(tx, user_id, address_id)
    becomes_default = bool(changes.pop("is_default", False))
    if becomes_default and not address.is_default:
        await tx.sql.execute(UNSET_DEFAULT, user_id)
        changes["is_default"] = True
    address.sqlmodel_update(changes)
    tx.add(address)
    await tx.flush()
    return address


async def remove_address(tx: Transaction, user_id: UUID, address_id: UUID) -> None:
    await tx.sql.execute(LOCK, str(user_id))
    address = await own_address(tx, user_id, address_id)
    await tx.session.delete(address)
    await tx.flush()
    if address.is_default:
        await tx.sql.execute(HEIR, user_id)


async def own_address(tx: Transaction, user_id: UUID, address_id: UUID) -> Address:
    """NotFound for another customer's as well: who asks learns nothing about it."""
    mine = select(Address).where(col(Address.id) == address_id, col(Address.user_id) == user_id)
    address = (await tx.session.exec(mine)).first()
    if address is None:
        raise NotFound("There is no such address", code="orders.unknown_address")
    return address
