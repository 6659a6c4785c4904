"""The SQL of authenticator apps and recovery codes."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from common import clock
from common.persistence.transaction import Transaction

# A secret that was never confirmed gives way to the next; a confirmed one does not.
INSERT_PENDING = """
INSERT INTO totp (account_id, sealed_secret, created_at) VALUES ($1, $2, $3)
ON CONFLICT (account_id) DO UPDATE SET sealed_secret = excluded.sealed_secret, created_at = excluded.created_at
WHERE totp.confirmed_at IS NULL RETURNING 1
"""
PENDING = "SELECT sealed_secret FROM totp WHERE account_id = $1 AND confirmed_at IS NULL"
CONFIRMED = "SELECT sealed_secret, last_step FROM totp WHERE account_id = $1 AND confirmed_at IS NOT NULL"
CONFIRM = "UPDATE totp SET confirmed_at = $2, last_step = $3 WHERE account_id = $1"
SAVE_STEP = "UPDATE totp SET last_step = $2 WHERE account_id = $1"
IS_ON = "SELECT EXISTS (SELECT FROM totp WHERE account_id = $1 AND confirmed_at IS NOT NULL)"
DELETE = "DELETE FROM totp WHERE account_id = $1"
DELETE_RECOVERY_CODES = "DELETE FROM recovery_code WHERE account_id = $1"
INSERT_RECOVERY_CODES = "INSERT INTO recovery_code (account_id, hash) SELECT $1, unnest($2::bytea[])"
USE_RECOVERY_CODE = """
UPDATE recovery_code SET used_at = $3 WHERE account_id = $1 AND hash = $2 AND used_at IS NULL RETURNING 1
"""
FACTORS = """
SELECT EXISTS (SELECT FROM totp WHERE account_id = $1 AND confirmed_at IS NOT NULL) AS totp,
       (SELECT count(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL) AS recovery_codes_left
"""


async def insert_pending(tx: Transaction, account_id: UUID, sealed_secret: bytes) -> bool:
    """False if an app is confirmed already."""
    return await tx.sql.fetchval(INSERT_PENDING, account_id, sealed_secret, clock.now()) is not None


async def find_pending(tx: Transaction, account_id: UUID) -> bytes | None:
    """The sealed secret of an app that waits for its confirmation."""
    sealed: bytes | None = await tx.sql.fetchval(PENDING, account_id)
    return sealed


async def find_confirmed(tx: Transaction, account_id: UUID) -> asyncpg.Record | None:
    """`sealed_secret` and `last_step`."""
    return await tx.sql.fetchrow(CONFIRMED, account_id)


async def confirm(tx: Transaction, account_id: UUID, step: int) -> None:
    await tx.sql.execute(CONFIRM, account_id, clock.now(), step)


async def save_step(tx: Transaction, account_id: UUID, step: int) -> None:
    """Codes of this time step and before are not accepted again."""
    await tx.sql.execute(SAVE_STEP, account_id, step)


async def is_on(tx: Transaction, account_id: UUID) -> bool:
    return bool(await tx.sql.fetchval(IS_ON, account_id))


async def delete(tx: Transaction, account_id: UUID) -> None:
    """The recovery codes go with it."""
    await tx.sql.execute(DELETE, account_id)


async def replace_recovery_codes(tx: Transaction, account_id: UUID, hashes: Sequence[bytes]) -> None:
    await tx.sql.execute(DELETE_RECOVERY_CODES, account_id)
    await tx.sql.execute(INSERT_RECOVERY_CODES, account_id, hashes)


async def use_recovery_code(tx: Transaction, account_id: UUID, code_hash: bytes) -> bool:
    """False if the account has no such unused code."""
    return await tx.sql.fetchval(USE_RECOVERY_CODE, account_id, code_hash, clock.now()) is not None


async def factors_of(tx: Transaction, account_id: UUID) -> asyncpg.Record:
    """`totp`, whether an app is confirmed, and `recovery_codes_left`."""
    return await tx.sql.fetchrow(FACTORS, account_id)
