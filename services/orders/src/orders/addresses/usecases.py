"""A customer's addresses. A customer who has addresses has exactly one default."""

from uuid import UUID

from common.persistence.transaction import Transaction
from orders.addresses import store
from orders.addresses.tables import Address
from orders.errors import TooManyAddresses

MAX_ADDRESSES = 50


async def add_address(tx: Transaction, address: Address) -> Address:
    """The first address becomes the default, requested or not. Raises TooManyAddresses."""
    await store.lock_addresses(tx, address.user_id)
    count = await store.count_addresses(tx, address.user_id)
    if count >= MAX_ADDRESSES:
        raise TooManyAddresses(f"At most {MAX_ADDRESSES} addresses")
    if address.is_default:
        await store.unset_default(tx, address.user_id)
    address.is_default = address.is_default or count == 0
    await store.save_address(tx, address)
    return address


async def change_address(tx: Transaction, user_id: UUID, address_id: UUID, changes: dict[str, object]) -> Address:
    """Set the given fields. The default remains the default until another address replaces it."""
    await store.lock_addresses(tx, user_id)
    address = await store.find_address(tx, user_id, address_id)
    becomes_default = bool(changes.pop("is_default", False))
    if becomes_default and not address.is_default:
        await store.unset_default(tx, user_id)
        changes["is_default"] = True
    address.sqlmodel_update(changes)
    await store.save_address(tx, address)
    return address


async def remove_address(tx: Transaction, user_id: UUID, address_id: UUID) -> None:
    """When the default is removed, the newest address becomes the default."""
    await store.lock_addresses(tx, user_id)
    address = await store.find_address(tx, user_id, address_id)
    await store.delete_address(tx, address)
    if address.is_default:
        await store.set_newest_default(tx, user_id)
