"""An account gets another password, however its owner was recognised."""

from auth.tables import Account
from auth.usecases.announce import password_changed
from common import clock
from common.persistence.transaction import Transaction

SUPERSEDE = """
UPDATE one_time_code SET superseded_at = $2
WHERE account_id = $1 AND purpose = 'reset_password' AND used_at IS NULL AND superseded_at IS NULL
"""


async def set_password(tx: Transaction, account: Account, password_hash: str) -> None:
    """`account` is locked. Codes and links that were still good to choose one are no longer."""
    account.password_hash = password_hash
    account.updated_at = clock.now()
    await tx.sql.execute(SUPERSEDE, account.id, account.updated_at)
    tx.publish(password_changed(account))
