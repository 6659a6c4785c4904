"""Replacing a password. It opens no session: sign-in still asks for every factor."""

from uuid import UUID

from auth.accounts.usecases import Account, find_account, locked_account, mark_email_confirmed, password_changed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.email_confirmation.usecases.redeem_code import check_code, find_token, issue_grant, supersede_codes, use_up
from auth.errors import TokenInvalid
from auth.services import AuthServices
from auth.sessions.usecases.end_sessions import end_sessions_of
from auth.throttle.usecases import forgive_everywhere
from common import clock
from common.contracts.auth import SessionRevoked
from common.persistence.transaction import Transaction


async def exchange_code(tx: Transaction, email: str, code: str, client: Client, services: AuthServices) -> str:
    """A grant that sets one new password. Raises CodeInvalid or TooManyAttempts."""
    row = await check_code(tx, "reset_password", email, code, client=client, codes=services.codes)
    grant = await issue_grant(tx, row["id"])
    await record_audit(tx, "reset_password", "code_accepted", client, account_id=row["account_id"])
    return grant


async def find_reset_account(tx: Transaction, token: str) -> Account | None:
    """The account whose password a grant or link may replace; None if it is not valid."""
    row = await find_token(tx, "reset_password", token)
    account = await find_account(tx, row["account_id"]) if row else None
    return account if account and account.is_active else None


async def reset_password(tx: Transaction, token: str, password_hash: str, client: Client) -> list[SessionRevoked]:
    """Uses up the grant or link, ends every session, and confirms the address, because its e-mail was read.

    Raises TokenInvalid.
    """
    known = await find_reset_account(tx, token)
    account = await locked_account(tx, known.id) if known else None
    row = await find_token(tx, "reset_password", token, lock=True)
    if account is None or row is None:
        await record_audit(tx, "reset_password", "wrong_proof", client)
        raise TokenInvalid
    await use_up(tx, row["id"])
    await set_password(tx, account, password_hash)
    mark_email_confirmed(tx, account)
    await forgive_everywhere(tx, account.id)
    await record_audit(tx, "reset_password", "succeeded", client, account_id=account.id)
    return await end_sessions_of(tx, account.id, "password_reset")


async def change_password(
    tx: Transaction, account: Account, password_hash: str, session_id: UUID, client: Client
) -> list[SessionRevoked]:
    """Ends the account's sessions except `session_id`. The account must be locked."""
    await set_password(tx, account, password_hash)
    await record_audit(tx, "change_password", "succeeded", client, account_id=account.id)
    return await end_sessions_of(tx, account.id, "password_changed", but=session_id)


async def set_password(tx: Transaction, account: Account, password_hash: str) -> None:
    """Outstanding reset codes and links become invalid. The account must be locked."""
    account.password_hash = password_hash
    account.updated_at = clock.now()
    await supersede_codes(tx, account.id, "reset_password", account.updated_at)
    tx.publish(password_changed(account))
