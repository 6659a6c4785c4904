"""An authenticator app, in two steps: a secret for the app, then a code that proves that the app has it."""

import secrets
from uuid import UUID

from auth.accounts.usecases import Account, locked_account, security_changed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.domain.recovery_codes import new_codes
from auth.domain.totp import SECRET_BYTES, matching_step
from auth.providers.vault import Vault
from auth.usecases.check_factor import recovery_hash, sealed_name
from common import clock
from common.errors import Conflict, Invalid
from common.persistence.transaction import Transaction

# A secret that was never confirmed gives way to the next; one that is in use does not.
START = """
INSERT INTO totp (account_id, sealed_secret, created_at) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
WHERE totp.confirmed_at IS NULL RETURNING 1
"""
STARTED = "SELECT sealed_secret FROM totp WHERE account_id = $1 AND confirmed_at IS NULL"
CONFIRM = "UPDATE totp SET confirmed_at = $2, last_step = $3 WHERE account_id = $1"
FORGET_CODES = "DELETE FROM recovery_code WHERE account_id = $1"
STORE_CODES = "INSERT INTO recovery_code (account_id, hash) SELECT $1, unnest($2::bytea[])"
IS_ON = "SELECT EXISTS (SELECT FROM totp WHERE account_id = $1 AND confirmed_at IS NOT NULL)"
REMOVE = "DELETE FROM totp WHERE account_id = $1"


async def start_totp(tx: Transaction, account: Account, client: Client, vault: Vault) -> bytes:
    """The secret for the app; nothing is asked at sign-in before it is confirmed. Raises Conflict when one is on."""
    secret = secrets.token_bytes(SECRET_BYTES)
    sealed = vault.seal(secret, sealed_name(account.id))
    if await tx.sql.fetchval(START, account.id, sealed, clock.now()) is None:
        raise Conflict("An authenticator app is on already: remove it first", code="totp_already_on")
    await record_audit(tx, "totp_start", "succeeded", client, account_id=account.id)
    return secret


async def confirm_totp(
    tx: Transaction, account_id: UUID, code: str, client: Client, vault: Vault
) -> list[str] | Invalid:
    """Turns it on; the recovery codes, which are shown this once. Raises Conflict when nothing was started."""
    await locked_account(tx, account_id)
    sealed = await tx.sql.fetchval(STARTED, account_id)
    if sealed is None:
        raise Conflict("No authenticator app is waiting to be confirmed", code="totp_not_started")
    step = matching_step(vault.unseal(sealed, sealed_name(account_id)), code, now := clock.now(), last_step=0)
    if step is None:
        await record_audit(tx, "totp_confirm", "wrong_code", client, account_id=account_id)
        return Invalid("This is not the code that the app shows now", code="code_invalid", field="code")
    await tx.sql.execute(CONFIRM, account_id, now, step)
    await record_audit(tx, "totp_confirm", "succeeded", client, account_id=account_id)
    tx.publish(security_changed(account_id, "totp_on", client))
    return await _fresh_codes(tx, account_id, vault)


async def renew_recovery_codes(tx: Transaction, account_id: UUID, client: Client, vault: Vault) -> list[str]:
    """New ones in place of all that there were. Raises Conflict when there is no second factor."""
    if not await tx.sql.fetchval(IS_ON, account_id):
        raise Conflict("There is no authenticator app to recover from", code="totp_not_on")
    await record_audit(tx, "recovery_codes", "renewed", client, account_id=account_id)
    tx.publish(security_changed(account_id, "recovery_codes_renewed", client))
    return await _fresh_codes(tx, account_id, vault)


async def remove_totp(tx: Transaction, account_id: UUID, client: Client) -> None:
    """The password alone signs in again; the recovery codes go too. Raises Conflict when there is none."""
    if not await tx.sql.fetchval(IS_ON, account_id):
        raise Conflict("There is no authenticator app to remove", code="totp_not_on")
    await tx.sql.execute(REMOVE, account_id)
    await record_audit(tx, "totp_remove", "succeeded", client, account_id=account_id)
    tx.publish(security_changed(account_id, "totp_off", client))


async def _fresh_codes(tx: Transaction, account_id: UUID, vault: Vault) -> list[str]:
    codes = new_codes()
    await tx.sql.execute(FORGET_CODES, account_id)
    await tx.sql.execute(STORE_CODES, account_id, [recovery_hash(vault, account_id, code) for code in codes])
    return codes
