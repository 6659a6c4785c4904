"""SQL of password resets, which are one-time codes of the purpose `reset_password`."""

from uuid import UUID

import asyncpg

from auth.email_confirmation.domain import MAX_ATTEMPTS
from common import clock
from common.persistence.search import contains
from common.persistence.transaction import Transaction

FOUND = contains(["account.email", "host(code.address)"], "$5")
LIST = f"""
SELECT code.id, code.account_id AS user_id, account.email, host(code.address) AS address,
       attempts + other_attempts AS attempts,
       code.created_at AS requested_at, expires_at, used_at,
       CASE WHEN used_at IS NOT NULL THEN 'used' WHEN superseded_at IS NOT NULL THEN 'superseded'
            WHEN expires_at <= $3 THEN 'expired' WHEN verified_at IS NOT NULL THEN 'code_accepted'
            WHEN attempts >= $4 OR other_attempts >= $4 THEN 'guessed_too_often' ELSE 'open' END AS outcome
FROM one_time_code AS code LEFT JOIN account ON account.id = code.account_id
WHERE purpose = 'reset_password' AND ($1::uuid IS NULL OR code.id < $1) AND ($5::text IS NULL OR {FOUND})
ORDER BY code.id DESC LIMIT $2
"""  # noqa: S608 (constants of this module)


async def list_resets(tx: Transaction, before: UUID | None, limit: int, search: str | None) -> list[asyncpg.Record]:
    """Newest first, as ResetView shows them."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(LIST, before, limit, clock.now(), MAX_ATTEMPTS, search)
    return rows
