"""An account is deleted softly: nobody signs in, nothing is lost until it is erased, an administrator can restore it.

A deleted account is a deactivated one as well, so whoever asks for active accounts finds neither.
"""

from uuid import UUID

from auth.domain.clients import Client
from auth.tables import Account
from auth.usecases.administer import keep_an_admin
from auth.usecases.announce import updated
from auth.usecases.end_sessions import end_sessions_of
from auth.usecases.record_audit import record_audit
from auth.usecases.update_profile import locked_account
from common import clock
from common.contracts.auth import SessionRevoked, UserDeactivated
from common.errors import Conflict
from common.persistence.transaction import Transaction

END_EXPORTS = "DELETE FROM export WHERE account_id = $1"


async def delete_account(
    tx: Transaction, account_id: UUID, actor_id: UUID | None, client: Client
) -> list[SessionRevoked]:
    """`actor_id` is the administrator's, None when people delete themselves. Raises Conflict for the last admin."""
    await keep_an_admin(tx, account_id, leaves=True)
    account = await locked_account(tx, account_id)
    if account.deleted_at is not None:
        return []
    await tx.sql.execute(END_EXPORTS, account_id)
    account.deleted_at = account.updated_at = clock.now()
    if account.is_active:
        account.is_active = False
        tx.publish(UserDeactivated(user_id=account_id))
    await record_audit(tx, "delete_account", "succeeded", client, account_id=account_id, actor_id=actor_id)
    return await end_sessions_of(tx, account_id, "account_deleted")


async def restore_account(tx: Transaction, account_id: UUID, actor_id: UUID, client: Client) -> Account:
    """As it was, and active. Raises Conflict when it has been erased."""
    account = await locked_account(tx, account_id)
    if account.erased_at is not None:
        raise Conflict("The account has been erased: there is nothing left to restore", code="account_erased")
    if account.deleted_at is not None:
        account.deleted_at, account.is_active, account.updated_at = None, True, clock.now()
        tx.publish(updated(account))
        await record_audit(tx, "restore_account", "succeeded", client, account_id=account_id, actor_id=actor_id)
    return account
