"""Checking codes and tokens that came by e-mail."""

import hmac
from uuid import UUID

import asyncpg

from auth.audit.usecases import record_audit
from auth.clients import Client, neighbourhood
from auth.email_confirmation.domain import LIFETIME, Purpose
from auth.email_confirmation.providers.codes import Codes
from auth.email_confirmation.store import find_by_token, lock_open_codes, mark_used, mark_verified, supersede_codes
from auth.errors import CodeInvalid, TooManyAttempts
from auth.throttle.usecases import count_failure, forgive, request_limits, settled_wait_of
from auth.tokens import digest, new_token
from common import clock
from common.persistence.transaction import Transaction

__all__ = ["check_code", "find_token", "issue_grant", "supersede_codes", "use_up"]


async def check_code(
    tx: Transaction, purpose: Purpose, recipient: str, code: str, *, client: Client, codes: Codes
) -> asyncpg.Record:
    """`id` and `account_id` of the code's request, locked; `recipient` as for `issue_code`.

    Raises CodeInvalid or TooManyAttempts.
    """
    limits = request_limits(f"try_{purpose}", recipient, client.address, codes.per_address)
    if wait := await settled_wait_of(tx, limits, reserve=True):
        await record_audit(tx, purpose, "throttled", client)
        raise TooManyAttempts(wait)
    network = neighbourhood(client.address)
    rows = await lock_open_codes(tx, codes.subject_of(recipient), purpose, network, clock.now())
    matching = [row for row in rows if _matches(row, purpose, code, codes)]
    if not matching:
        await count_failure(tx, limits)
        await record_audit(tx, purpose, "wrong_code", client, account_id=rows[0]["account_id"] if rows else None)
        raise CodeInvalid
    await forgive(tx, limits)
    return matching[-1]


async def find_token(tx: Transaction, purpose: Purpose, token: str, *, lock: bool = False) -> asyncpg.Record | None:
    """`id` and `account_id` of the request of a link or grant; None if it is not valid."""
    return await find_by_token(tx, digest(token), purpose, clock.now(), lock=lock)


async def issue_grant(tx: Transaction, code_id: UUID) -> str:
    """A token in exchange for a code, which is used up."""
    grant, now = new_token(), clock.now()
    await mark_verified(tx, code_id, now, grant_hash=digest(grant), expires_at=now + LIFETIME)
    return grant


async def use_up(tx: Transaction, code_id: UUID) -> None:
    await mark_used(tx, code_id, clock.now())


def _matches(row: asyncpg.Record, purpose: Purpose, code: str, codes: Codes) -> bool:
    """Codes of requests without an account never match."""
    expected = codes.hash_of(row["id"], purpose, code)
    return hmac.compare_digest(row["code_hash"], expected) and row["account_id"] is not None
