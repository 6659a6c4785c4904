"""Confirming that an address belongs to its account."""

from uuid import UUID

from auth.accounts.usecases import locked_account, mark_email_confirmed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.email_confirmation.providers.codes import Codes
from auth.email_confirmation.usecases.redeem_code import check_code, find_token, use_up
from auth.errors import TokenInvalid
from common.persistence.transaction import Transaction


async def confirm_by_code(tx: Transaction, email: str, code: str, client: Client, codes: Codes) -> None:
    """Raises CodeInvalid or TooManyAttempts."""
    row = await check_code(tx, "confirm_email", email, code, client=client, codes=codes)
    await _confirm(tx, row["id"], row["account_id"], client)


async def confirm_by_link(tx: Transaction, token: str, client: Client) -> None:
    """Raises TokenInvalid."""
    row = await find_token(tx, "confirm_email", token, lock=True)
    if row is None:
        await record_audit(tx, "confirm_email", "wrong_link", client)
        raise TokenInvalid
    await _confirm(tx, row["id"], row["account_id"], client)


async def _confirm(tx: Transaction, code_id: UUID, account_id: UUID, client: Client) -> None:
    await use_up(tx, code_id)
    mark_email_confirmed(tx, await locked_account(tx, account_id))
    await record_audit(tx, "confirm_email", "succeeded", client, account_id=account_id)
