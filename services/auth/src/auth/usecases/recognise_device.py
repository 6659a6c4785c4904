"""The device that someone signs in on; its owner hears of one that was never seen before.

A device is known by its name, not by its address: telephones change theirs many times a day.
"""

from uuid import UUID

from auth.domain.clients import Client
from auth.domain.devices import device_name
from common import clock
from common.contracts.auth import NewDeviceSeen
from common.ids import new_id
from common.persistence.transaction import Transaction

# The sign-in holds the account's lock, so none of its devices comes in between.
HAS_ANY = "SELECT EXISTS (SELECT FROM device WHERE account_id = $1)"
SEEN = """
INSERT INTO device (id, account_id, name, address, user_agent, first_seen_at, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $6)
ON CONFLICT (account_id, name) DO UPDATE
SET address = excluded.address, user_agent = excluded.user_agent, seen_at = excluded.seen_at RETURNING id
"""


async def recognise_device(tx: Transaction, account_id: UUID, client: Client, given_name: str | None) -> UUID:
    """Its id. The first device of an account is no news."""
    name, now, candidate = device_name(given_name, client.user_agent), clock.now(), new_id()
    has_any = await tx.sql.fetchval(HAS_ANY, account_id)
    device_id: UUID = await tx.sql.fetchval(SEEN, candidate, account_id, name, client.address, client.user_agent, now)
    if has_any and device_id == candidate:
        address = str(client.address)
        tx.publish(NewDeviceSeen(device_id=device_id, user_id=account_id, name=name, address=address, seen_at=now))
    return device_id
