"""An authenticator app is set up in two steps: a secret for the app, then a code that shows that the app has it.

At sign-in, the caller holds the account's lock, so concurrent attempts are checked one by one.
"""

import re
import secrets
from enum import Enum, auto
from uuid import UUID

import asyncpg

from auth.accounts.usecases import Account, locked_account, security_changed
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import TotpAlreadyOn, TotpCodeInvalid, TotpNotOn, TotpNotStarted
from auth.services import AuthServices
from auth.totp import store
from auth.totp.domain import new_recovery_codes, normalised_code
from auth.totp.providers.authenticator_app import SECRET_BYTES, matching_step
from auth.vault import Vault
from common import clock
from common.persistence.transaction import Transaction

APP_CODE = re.compile(r"[0-9]{6}")


class Factor(Enum):
    """The result of a check. `NOT_ON`: the account has no second factor."""

    NOT_ON = auto()
    MISSING = auto()
    WRONG = auto()
    RIGHT = auto()


async def start_totp(tx: Transaction, account: Account, client: Client, services: AuthServices) -> bytes:
    """The secret for the app; sign-in asks for no code before it is confirmed. Raises TotpAlreadyOn."""
    secret = secrets.token_bytes(SECRET_BYTES)
    if not await store.insert_pending(tx, account.id, services.vault.seal(secret, _seal_name(account.id))):
        raise TotpAlreadyOn
    await record_audit(tx, "totp_start", "succeeded", client, account_id=account.id)
    return secret


async def confirm_totp(
    tx: Transaction, account_id: UUID, code: str, client: Client, services: AuthServices
) -> list[str]:
    """Turns the second factor on and returns the recovery codes. Raises TotpNotStarted and TotpCodeInvalid."""
    await locked_account(tx, account_id)
    sealed = await store.find_pending(tx, account_id)
    if sealed is None:
        raise TotpNotStarted
    secret = services.vault.unseal(sealed, _seal_name(account_id))
    step = matching_step(secret, code, clock.now(), last_step=0)
    if step is None:
        await record_audit(tx, "totp_confirm", "wrong_code", client, account_id=account_id)
        raise TotpCodeInvalid
    await store.confirm(tx, account_id, step)
    await record_audit(tx, "totp_confirm", "succeeded", client, account_id=account_id)
    tx.publish(security_changed(account_id, "totp_on", client))
    return await _replace_recovery_codes(tx, account_id, services.vault)


async def renew_recovery_codes(tx: Transaction, account_id: UUID, client: Client, services: AuthServices) -> list[str]:
    """New codes in place of all former ones. Raises TotpNotOn."""
    if not await store.is_on(tx, account_id):
        raise TotpNotOn
    await record_audit(tx, "recovery_codes", "renewed", client, account_id=account_id)
    tx.publish(security_changed(account_id, "recovery_codes_renewed", client))
    return await _replace_recovery_codes(tx, account_id, services.vault)


async def remove_totp(tx: Transaction, account_id: UUID, client: Client) -> None:
    """The password alone signs in again; the recovery codes are deleted as well. Raises TotpNotOn."""
    if not await store.is_on(tx, account_id):
        raise TotpNotOn
    await store.delete(tx, account_id)
    await record_audit(tx, "totp_remove", "succeeded", client, account_id=account_id)
    tx.publish(security_changed(account_id, "totp_off", client))


async def check_factor(tx: Transaction, account_id: UUID, code: str | None, vault: Vault) -> Factor:
    """`code` is of the app or a recovery code; a right one cannot be used again."""
    totp = await store.find_confirmed(tx, account_id)
    if totp is None:
        return Factor.NOT_ON
    if not code:
        return Factor.MISSING
    return Factor.RIGHT if await _use_code(tx, account_id, totp, code, vault) else Factor.WRONG


async def _use_code(tx: Transaction, account_id: UUID, totp: asyncpg.Record, code: str, vault: Vault) -> bool:
    compact = code.replace(" ", "")
    if not APP_CODE.fullmatch(compact):
        return await store.use_recovery_code(tx, account_id, _recovery_hash(vault, account_id, code))
    secret = vault.unseal(totp["sealed_secret"], _seal_name(account_id))
    step = matching_step(secret, compact, clock.now(), totp["last_step"])
    if step is not None:
        await store.save_step(tx, account_id, step)
    return step is not None


async def _replace_recovery_codes(tx: Transaction, account_id: UUID, vault: Vault) -> list[str]:
    codes = new_recovery_codes()
    await store.replace_recovery_codes(tx, account_id, [_recovery_hash(vault, account_id, code) for code in codes])
    return codes


def _recovery_hash(vault: Vault, account_id: UUID, code: str) -> bytes:
    return vault.code_digest("recovery", str(account_id), normalised_code(code))


def _seal_name(account_id: UUID) -> str:
    """The name that is bound to the sealed secret."""
    return f"totp:{account_id}"
