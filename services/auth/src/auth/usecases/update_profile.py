"""People change what is known of them."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlmodel import select

from auth.tables import Account
from auth.usecases.announce import updated
from common import clock
from common.errors import NotFound
from common.persistence.transaction import Transaction


async def update_profile(tx: Transaction, account_id: UUID, changes: Mapping[str, Any]) -> Account:
    """Apply the changes; announced only when there are any."""
    account = await locked_account(tx, account_id)
    changed = {name: value for name, value in changes.items() if getattr(account, name) != value}
    if changed:
        account.sqlmodel_update(changed)
        account.updated_at = clock.now()
        tx.publish(updated(account))
    return account


async def locked_account(tx: Transaction, account_id: UUID) -> Account:
    """The account, locked until the transaction ends. Raises NotFound."""
    account = (await tx.session.exec(select(Account).where(Account.id == account_id).with_for_update())).first()
    if account is None:
        raise NotFound("There is no such user", code="user_not_found")
    return account
