"""The second factor, where an account has one. The caller holds the account's lock, so attempts are judged in turn."""

import re
from enum import Enum, auto
from uuid import UUID

import asyncpg

from auth.domain.recovery_codes import normalised_code
from auth.domain.totp import matching_step
from auth.providers.vault import Vault
from common import clock
from common.persistence.transaction import Transaction

ON = "SELECT sealed_secret, last_step FROM totp WHERE account_id = $1 AND confirmed_at IS NOT NULL"
ACCEPTED = "UPDATE totp SET last_step = $2 WHERE account_id = $1"
USE_RECOVERY = """
UPDATE recovery_code SET used_at = $3 WHERE account_id = $1 AND hash = $2 AND used_at IS NULL RETURNING 1
"""
APP_CODE = re.compile(r"[0-9]{6}")


class Factor(Enum):
    """What came of asking for a code. `NOT_ON`: the account has no second factor."""

    NOT_ON = auto()
    MISSING = auto()
    WRONG = auto()
    RIGHT = auto()


async def check_factor(tx: Transaction, account_id: UUID, code: str | None, vault: Vault) -> Factor:
    """`code` is one of the app's or a recovery code; either is spent by being right."""
    totp = await tx.sql.fetchrow(ON, account_id)
    if totp is None:
        return Factor.NOT_ON
    if not code:
        return Factor.MISSING
    is_right = await _spend(tx, account_id, totp, code, vault)
    return Factor.RIGHT if is_right else Factor.WRONG


def sealed_name(account_id: UUID) -> str:
    """What an authenticator's secret is bound to in its seal."""
    return f"totp:{account_id}"


def recovery_hash(vault: Vault, account_id: UUID, code: str) -> bytes:
    return vault.code_digest("recovery", str(account_id), normalised_code(code))


async def _spend(tx: Transaction, account_id: UUID, totp: asyncpg.Record, code: str, vault: Vault) -> bool:
    compact = code.replace(" ", "")
    if not APP_CODE.fullmatch(compact):
        used = await tx.sql.fetchval(USE_RECOVERY, account_id, recovery_hash(vault, account_id, code), clock.now())
        return used is not None
    secret = vault.unseal(totp["sealed_secret"], sealed_name(account_id))
    step = matching_step(secret, compact, clock.now(), totp["last_step"])
    if step is not None:
        await tx.sql.execute(ACCEPTED, account_id, step)
    return step is not None
