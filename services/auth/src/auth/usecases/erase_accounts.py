"""What is personal leaves the accounts that were deleted long enough ago. The row stays: orders name it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from auth.tables import Account
from auth.usecases.announce import updated
from auth.usecases.record_audit import record_audit
from common import clock
from common.contracts.auth import UserErased
from common.persistence.transaction import Transaction

BATCH = 100
NOTHING: dict[str, Any] = {
    "username": None,
    "password_hash": "erased",
    "first_name": "",
    "last_name": "",
    "phone": None,
    "birth_date": None,
    "address": "",
    "city": "",
    "pincode": "",
    "language": "en",
    "time_zone": "UTC",
    "avatar_id": None,
    "email_confirmed": False,
}
# Where a person was, with what, and what they asked for; what hangs on these rows goes with them.
TABLES = (
    "api_key",
    "session",
    "device",
    "totp",
    "one_time_code",
    "export",
    "passkey",
    "passkey_challenge",
    "identity",
    "oidc_flow",
)
FORGET = [f"DELETE FROM {table} WHERE account_id = $1" for table in TABLES]  # noqa: S608 (the names are ours)
FORGET_INTEREST = "DELETE FROM pre_registration WHERE email = $1"
BLUR = "UPDATE audit SET address = NULL, user_agent = NULL WHERE account_id = $1"


async def erase_accounts(tx: Transaction, keep_deleted: timedelta) -> int:
    """One batch; how many were erased."""
    now = clock.now()
    due = (col(Account.deleted_at) < now - keep_deleted, col(Account.erased_at).is_(None))
    oldest = select(Account).where(*due).order_by(col(Account.deleted_at)).limit(BATCH)
    accounts = (await tx.session.exec(oldest.with_for_update(skip_locked=True))).all()
    for account in accounts:
        await _erase(tx, account, now)
    return len(accounts)


async def _erase(tx: Transaction, account: Account, now: datetime) -> None:
    await tx.sql.execute(FORGET_INTEREST, account.email)
    account.sqlmodel_update(NOTHING | {"email": _nobody(account.id), "erased_at": now, "updated_at": now})
    for statement in (*FORGET, BLUR):
        await tx.sql.execute(statement, account.id)
    # The replicas of contacts take over what is left of the person, as they do with any change.
    tx.publish(updated(account))
    tx.publish(UserErased(user_id=account.id))
    await record_audit(tx, "erase_account", "succeeded", account_id=account.id)


def _nobody(account_id: UUID) -> str:
    """An address that no mail ever reaches (RFC 2606), and that stays unique."""
    return f"erased-{account_id}@erased.invalid"
