"""An account moves to another e-mail address: its owner asks for it, and reads what is sent there.

Taken addresses take the same steps and get the same answer; only no letter is written. Refusals are returned, not
raised: what was counted must be kept.
"""

from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from auth.domain.clients import Client
from auth.providers.codes import Codes
from auth.tables import Account
from auth.usecases.announce import security_changed, updated
from auth.usecases.confirm_email import confirm_by_link, mark_confirmed
from auth.usecases.record_audit import record_audit
from auth.usecases.redeem_code import check_code, find_token, use_up
from auth.usecases.request_code import issue_code
from auth.usecases.request_limits import request_limits, too_often
from auth.usecases.throttle import count_failure
from auth.usecases.update_profile import locked_account
from common import clock
from common.errors import Conflict, DukanError, Invalid
from common.persistence.transaction import Transaction

NEW_EMAIL = "SELECT new_email FROM one_time_code WHERE id = $1"
# The last request is the only one; after a change nothing that the old address was sent sets a password any more.
SUPERSEDE = """
UPDATE one_time_code SET superseded_at = $2
WHERE account_id = $1 AND purpose = $3 AND used_at IS NULL AND superseded_at IS NULL
"""


async def request_email_change(
    tx: Transaction, account_id: UUID, email: str, client: Client, codes: Codes
) -> DukanError | None:
    """Counted per account and address. The account's owner is the only one who can ask, so codes are the account's."""
    limits = request_limits("request_change_email", str(account_id), client.address, codes.per_address)
    if wait := await count_failure(tx, limits):
        await record_audit(tx, "request_change_email", "throttled", client, account_id=account_id)
        return too_often(wait)
    # Codes are locked before their account, here as where they come back.
    await tx.sql.execute(SUPERSEDE, account_id, clock.now(), "change_email")
    account = await locked_account(tx, account_id)
    if account.email == email:
        return Invalid("This is the account's address already", code="email_unchanged", field="email")
    taken = (await tx.session.exec(select(Account.id).where(Account.email == email))).first() is not None
    await issue_code(
        tx, "change_email", str(account_id), None if taken else account, client=client, codes=codes, new_email=email
    )
    outcome = "not_sent" if taken else "sent"
    await record_audit(tx, "request_change_email", outcome, client, account_id=account_id)
    return None


async def change_email_by_code(
    tx: Transaction, account_id: UUID, code: str, client: Client, codes: Codes
) -> DukanError | None:
    row = await check_code(tx, "change_email", str(account_id), code, client=client, codes=codes)
    if isinstance(row, DukanError):
        return row
    return await _change(tx, row["id"], account_id, client)


async def redeem_link(tx: Transaction, token: str, client: Client) -> DukanError | None:
    """Of either letter that asks whether an address is the reader's."""
    row = await find_token(tx, "change_email", token, lock=True)
    if row is None:
        return await confirm_by_link(tx, token, client)
    return await _change(tx, row["id"], row["account_id"], client)


async def _change(tx: Transaction, code_id: UUID, account_id: UUID, client: Client) -> DukanError | None:
    await use_up(tx, code_id)
    account = await locked_account(tx, account_id)
    former, email = account.email, await tx.sql.fetchval(NEW_EMAIL, code_id)
    if not account.is_active or not await _move(tx, account, email):
        await record_audit(tx, "change_email", "refused", client, account_id=account_id)
        return Conflict("This address cannot be the account's any more", code="email_taken", field="email")
    await tx.sql.execute(SUPERSEDE, account_id, clock.now(), "reset_password")
    mark_confirmed(tx, account)
    tx.publish(updated(account))
    tx.publish(security_changed(account_id, "email_changed", client, email=former))
    await record_audit(tx, "change_email", "succeeded", client, account_id=account_id)
    return None


async def _move(tx: Transaction, account: Account, email: str) -> bool:
    """False when somebody has taken the address meanwhile, in the same moment included."""
    try:
        async with tx.session.begin_nested():
            account.email, account.updated_at = email, clock.now()
            await tx.session.flush()
    except IntegrityError:
        return False
    return True
