"""Moving an account to another e-mail address: its owner requests it and confirms with what is sent to the new one.

Taken addresses take the same steps and get the same response; only no e-mail is sent.
"""

from uuid import UUID

from sqlalchemy.exc import IntegrityError

from auth.accounts.usecases import (
    Account,
    is_email_taken,
    locked_account,
    mark_email_confirmed,
    security_changed,
    user_updated,
)
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.email_confirmation.providers.codes import Codes
from auth.email_confirmation.store import new_email_of, supersede_codes
from auth.email_confirmation.usecases.confirm_email import confirm_by_link
from auth.email_confirmation.usecases.limit_emails import count_email
from auth.email_confirmation.usecases.redeem_code import check_code, find_token, use_up
from auth.email_confirmation.usecases.request_code import issue_code
from auth.errors import EmailUnchanged, NewEmailTaken, TooManyAttempts
from auth.throttle.usecases import count_failure, request_limits
from common import clock
from common.persistence.transaction import Transaction


async def request_email_change(tx: Transaction, account_id: UUID, email: str, client: Client, codes: Codes) -> None:
    """Counted per account and client address. Only the owner can ask, so the code's recipient is the account.

    Raises EmailUnchanged or TooManyAttempts.
    """
    limits = request_limits("request_change_email", str(account_id), client.address, codes.per_address)
    if wait := await count_failure(tx, limits):
        await record_audit(tx, "request_change_email", "throttled", client, account_id=account_id)
        raise TooManyAttempts(wait)
    if not await count_email(tx, email, None, client, codes):
        await record_audit(tx, "request_change_email", "not_sent", client, account_id=account_id)
        return
    # Only the last request is valid. Codes are locked before their account, in the same order as when redeemed.
    await supersede_codes(tx, account_id, "change_email", clock.now())
    account = await locked_account(tx, account_id)
    if account.email == email:
        raise EmailUnchanged
    taken = await is_email_taken(tx, email)
    await issue_code(
        tx, "change_email", str(account_id), None if taken else account, client=client, codes=codes, new_email=email
    )
    outcome = "not_sent" if taken else "sent"
    await record_audit(tx, "request_change_email", outcome, client, account_id=account_id)


async def change_email_by_code(tx: Transaction, account_id: UUID, code: str, client: Client, codes: Codes) -> None:
    """Raises CodeInvalid, NewEmailTaken or TooManyAttempts."""
    row = await check_code(tx, "change_email", str(account_id), code, client=client, codes=codes)
    await _change(tx, row["id"], account_id, client)


async def redeem_link(tx: Transaction, token: str, client: Client) -> None:
    """Confirm or change an address, whichever the link is for. Raises NewEmailTaken or TokenInvalid."""
    row = await find_token(tx, "change_email", token, lock=True)
    if row is None:
        await confirm_by_link(tx, token, client)
    else:
        await _change(tx, row["id"], row["account_id"], client)


async def _change(tx: Transaction, code_id: UUID, account_id: UUID, client: Client) -> None:
    await use_up(tx, code_id)
    account = await locked_account(tx, account_id)
    former, email = account.email, await new_email_of(tx, code_id)
    if not account.is_active or not await _save_email(tx, account, email):
        await record_audit(tx, "change_email", "refused", client, account_id=account_id)
        raise NewEmailTaken
    # What was sent to the former address can no longer set a password.
    await supersede_codes(tx, account_id, "reset_password", clock.now())
    mark_email_confirmed(tx, account)
    tx.publish(user_updated(account))
    tx.publish(security_changed(account_id, "email_changed", client, email=former))
    await record_audit(tx, "change_email", "succeeded", client, account_id=account_id)


async def _save_email(tx: Transaction, account: Account, email: str) -> bool:
    """False if another account took the address in the meantime, including by a concurrent transaction."""
    try:
        async with tx.session.begin_nested():
            account.email, account.updated_at = email, clock.now()
            await tx.session.flush()
    except IntegrityError:
        return False
    return True
