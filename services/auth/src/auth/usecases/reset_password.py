"""A new password for somebody who reads the account's mail. It opens no session: sign-in still asks for everything."""

import secrets

from auth.domain.clients import Client
from auth.domain.codes import LIFETIME
from auth.providers.codes import Codes
from auth.tables import Account
from auth.usecases.confirm_email import mark_confirmed
from auth.usecases.end_sessions import end_sessions_of
from auth.usecases.open_session import digest
from auth.usecases.record_audit import record_audit
from auth.usecases.redeem_code import check_code, find_token, use_up
from auth.usecases.set_password import set_password
from auth.usecases.update_profile import locked_account
from common import clock
from common.contracts.auth import SessionRevoked
from common.errors import DukanError, Invalid
from common.persistence.transaction import Transaction

# The grant takes the place of the letter's link, which has done its work as well.
VERIFIED = "UPDATE one_time_code SET verified_at = $2, token_hash = $3, expires_at = $4 WHERE id = $1"


async def exchange_code(tx: Transaction, email: str, code: str, client: Client, codes: Codes) -> str | DukanError:
    """A grant to choose a new password with, once."""
    row = await check_code(tx, "reset_password", email, code, client=client, codes=codes)
    if isinstance(row, DukanError):
        return row
    grant, now = secrets.token_urlsafe(32), clock.now()
    await tx.sql.execute(VERIFIED, row["id"], now, digest(grant), now + LIFETIME)
    await record_audit(tx, "reset_password", "code_accepted", client, account_id=row["account_id"])
    return grant


async def whose_reset(tx: Transaction, proof: str) -> Account | None:
    """Whose password a grant or a link lets one choose."""
    row = await find_token(tx, "reset_password", proof)
    account = await tx.session.get(Account, row["account_id"]) if row else None
    return account if account and account.is_active else None


async def reset_password(
    tx: Transaction, proof: str, password_hash: str, client: Client
) -> list[SessionRevoked] | DukanError:
    """Uses up the grant or link. Ends every session, and confirms the address, where the proof was read."""
    known = await whose_reset(tx, proof)
    account = await locked_account(tx, known.id) if known else None
    row = await find_token(tx, "reset_password", proof, lock=True)
    if account is None or row is None:
        await record_audit(tx, "reset_password", "wrong_proof", client)
        return unproven()
    await use_up(tx, row["id"])
    await set_password(tx, account, password_hash)
    mark_confirmed(tx, account)
    await record_audit(tx, "reset_password", "succeeded", client, account_id=account.id)
    return await end_sessions_of(tx, account.id, "password_reset")


def unproven() -> Invalid:
    return Invalid("The grant or link was used or is too old; ask for another", code="token_invalid", field="token")
