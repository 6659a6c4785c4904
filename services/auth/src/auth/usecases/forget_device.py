"""A device that is lost or sold: whoever holds it is signed out, and a sign-in on it is news again."""

from uuid import UUID

from auth.domain.clients import Client
from auth.usecases.end_sessions import end_sessions_on
from auth.usecases.record_audit import record_audit
from auth.usecases.update_profile import locked_account
from common.contracts.auth import SessionRevoked
from common.errors import NotFound
from common.persistence.transaction import Transaction

FIND = "SELECT name FROM device WHERE id = $1 AND account_id = $2"
FORGET = "DELETE FROM device WHERE id = $1"


async def forget_device(tx: Transaction, account_id: UUID, device_id: UUID, client: Client) -> list[SessionRevoked]:
    """Raises NotFound for another's."""
    # Held as a sign-in holds it, so that none opens a session on the device meanwhile.
    await locked_account(tx, account_id)
    name = await tx.sql.fetchval(FIND, device_id, account_id)
    if name is None:
        raise NotFound("There is no such device", code="device_not_found")
    ended = await end_sessions_on(tx, device_id, "device_forgotten")
    await tx.sql.execute(FORGET, device_id)
    await record_audit(tx, "forget_device", "succeeded", client, account_id=account_id, name=name, sessions=len(ended))
    return ended
