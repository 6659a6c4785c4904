"""An address is its account's: somebody came back with what was sent there."""

from uuid import UUID

from auth.domain.clients import Client
from auth.providers.codes import Codes
from auth.tables import Account
from auth.usecases.announce import email_confirmed
from auth.usecases.record_audit import record_audit
from auth.usecases.redeem_code import check_code, find_token, use_up
from auth.usecases.update_profile import locked_account
from common import clock
from common.errors import DukanError, Invalid
from common.persistence.transaction import Transaction


async def confirm_by_code(tx: Transaction, email: str, code: str, client: Client, codes: Codes) -> DukanError | None:
    row = await check_code(tx, "confirm_email", email, code, client=client, codes=codes)
    if isinstance(row, DukanError):
        return row
    await _confirm(tx, row["id"], row["account_id"], client)
    return None


async def confirm_by_link(tx: Transaction, token: str, client: Client) -> DukanError | None:
    row = await find_token(tx, "confirm_email", token, lock=True)
    if row is None:
        await record_audit(tx, "confirm_email", "wrong_link", client)
        return Invalid("The link was used or is too old; ask for another", code="token_invalid", field="token")
    await _confirm(tx, row["id"], row["account_id"], client)
    return None


async def _confirm(tx: Transaction, code_id: UUID, account_id: UUID, client: Client) -> None:
    await use_up(tx, code_id)
    mark_confirmed(tx, await locked_account(tx, account_id))
    await record_audit(tx, "confirm_email", "succeeded", client, account_id=account_id)


def mark_confirmed(tx: Transaction, account: Account) -> None:
    """Said once."""
    if not account.email_confirmed:
        account.email_confirmed = True
        account.updated_at = clock.now()
        tx.publish(email_confirmed(account))
