"""Codes and links that come back. Refusals are returned, not raised: what was counted must be kept."""

import hmac
from uuid import UUID

import asyncpg

from auth.domain.clients import Client
from auth.domain.codes import MOST_ATTEMPTS, Purpose
from auth.providers.codes import Codes
from auth.usecases.open_session import digest
from auth.usecases.record_audit import record_audit
from auth.usecases.request_limits import request_limits, too_often
from auth.usecases.throttle import count_failure, forgive, settled_wait_of
from common import clock
from common.errors import DukanError, Invalid
from common.persistence.transaction import Transaction

BY_CODE = """
SELECT id, account_id, code_hash FROM one_time_code
WHERE subject = $1 AND purpose = $2 AND used_at IS NULL AND superseded_at IS NULL AND verified_at IS NULL
      AND code_hash IS NOT NULL AND expires_at > $3 AND attempts < $4
FOR UPDATE
"""
OF_PROOF = """
SELECT id, account_id FROM one_time_code
WHERE token_hash = $1 AND purpose = $2 AND account_id IS NOT NULL AND used_at IS NULL AND superseded_at IS NULL
      AND expires_at > $3
"""
COUNT = "UPDATE one_time_code SET attempts = attempts + 1 WHERE id = $1"
USE = "UPDATE one_time_code SET used_at = $2 WHERE id = $1"


async def check_code(
    tx: Transaction, purpose: Purpose, whom: str, code: str, *, client: Client, codes: Codes
) -> asyncpg.Record | DukanError:
    """The request that the code belongs to, locked: a row of `id`, `account_id`. `whom` as for `issue_code`."""
    limits = request_limits(f"try_{purpose}", whom, client.address, codes.per_address)
    if wait := await settled_wait_of(tx, limits, reserve=True):
        await record_audit(tx, purpose, "throttled", client)
        return too_often(wait)
    row = await tx.sql.fetchrow(BY_CODE, codes.subject_of(whom), purpose, clock.now(), MOST_ATTEMPTS)
    if row is not None:
        await tx.sql.execute(COUNT, row["id"])
    if row is None or not _matches(row, purpose, code, codes):
        await count_failure(tx, limits)
        await record_audit(tx, purpose, "wrong_code", client, account_id=row["account_id"] if row else None)
        return Invalid("The code is wrong, used or too old; ask for another", code="code_invalid", field="code")
    await forgive(tx, limits)
    return row


async def find_token(tx: Transaction, purpose: Purpose, token: str, *, lock: bool = False) -> asyncpg.Record | None:
    """The request that a link or a grant belongs to: a row of `id`, `account_id`; None when it is good for nothing."""
    query = OF_PROOF + ("FOR UPDATE" if lock else "")
    return await tx.sql.fetchrow(query, digest(token), purpose, clock.now())


async def use_up(tx: Transaction, code_id: UUID) -> None:
    await tx.sql.execute(USE, code_id, clock.now())


def _matches(row: asyncpg.Record, purpose: Purpose, code: str, codes: Codes) -> bool:
    """Whether it is the code of somebody; one that nobody was sent is never right."""
    right = codes.hash_of(row["id"], purpose, code)
    return hmac.compare_digest(row["code_hash"], right) and row["account_id"] is not None
