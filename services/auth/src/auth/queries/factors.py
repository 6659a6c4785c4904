"""What somebody signs in with besides the password."""

from uuid import UUID

import asyncpg

from common.persistence.transaction import Transaction

FACTORS = """
SELECT EXISTS (SELECT FROM totp WHERE account_id = $1 AND confirmed_at IS NOT NULL) AS totp,
       (SELECT count(*) FROM recovery_code WHERE account_id = $1 AND used_at IS NULL) AS recovery_codes_left
"""


async def factors_of(tx: Transaction, account_id: UUID) -> asyncpg.Record:
    """`totp`, whether it is on, and `recovery_codes_left`."""
    return await tx.sql.fetchrow(FACTORS, account_id)
