"""Devices that people sign in on.

A device is known by its name, not by its address: phones change theirs many times a day.
"""

from uuid import UUID

from auth.accounts.usecases import locked_account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import DeviceNotFound
from auth.sessions.domain import device_name
from auth.sessions.store.writes import delete_device, find_device_name, has_device, upsert_device
from auth.sessions.usecases.end_sessions import end_sessions_on
from auth.vault import Vault
from common import clock
from common.contracts.auth import NewDeviceSeen, SessionRevoked
from common.ids import new_id
from common.persistence.transaction import Transaction


async def recognise_device(tx: Transaction, account_id: UUID, client: Client, given_name: str | None) -> UUID:
    """The device's id. Publishes NewDeviceSeen for a new device, unless it is the account's first."""
    name, now, candidate = device_name(given_name, client.user_agent), clock.now(), new_id()
    is_first = not await has_device(tx, account_id)
    device_id = await upsert_device(tx, candidate, account_id, name=name, client=client, now=now)
    if device_id == candidate and not is_first:
        address = str(client.address)
        tx.publish(NewDeviceSeen(device_id=device_id, user_id=account_id, name=name, address=address, seen_at=now))
    return device_id


async def known_device(tx: Transaction, account_id: UUID, client: Client, vault: Vault) -> UUID | None:
    """The device, if the client shows the token of one that the account has signed in on and has not forgotten."""
    device_id = vault.device_of(client.device_token, account_id) if client.device_token else None
    if device_id is None or await find_device_name(tx, device_id, account_id) is None:
        return None
    return device_id


async def forget_device(tx: Transaction, account_id: UUID, device_id: UUID, client: Client) -> list[SessionRevoked]:
    """End the sessions of a lost or sold device; a later sign-in on it is that of a new device.

    Raises DeviceNotFound for a device of another account.
    """
    # Locked as by a sign-in, so that none opens a session on the device in the meantime.
    await locked_account(tx, account_id)
    name = await find_device_name(tx, device_id, account_id)
    if name is None:
        raise DeviceNotFound
    ended = await end_sessions_on(tx, device_id, "device_forgotten")
    await delete_device(tx, device_id)
    await record_audit(tx, "forget_device", "succeeded", client, account_id=account_id, name=name, sessions=len(ended))
    return ended
