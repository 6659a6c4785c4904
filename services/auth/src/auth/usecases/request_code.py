"""A code and a link by mail, for whoever gives an address: known or not, the answer and the steps are the same."""

import secrets
from uuid import UUID

from sqlmodel import select

from auth.domain.clients import Client
from auth.domain.codes import CODES_PER_DAY, DAY, LIFETIME, Purpose
from auth.providers.codes import Codes
from auth.tables import Account
from auth.usecases.announce import code_requested
from auth.usecases.open_session import digest
from auth.usecases.record_audit import record_audit
from auth.usecases.request_limits import request_limits, too_often
from auth.usecases.throttle import count_failure
from common import clock
from common.errors import RateLimited
from common.ids import new_id
from common.persistence.transaction import Transaction

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
# One code at a time, because codes can be guessed. Links and grants cannot: they stay, so that nobody who asks for
# another letter takes the owner's proof away.
TAKE_BACK = """
UPDATE one_time_code SET code_hash = NULL
WHERE subject = $1 AND purpose = $2 AND code_hash IS NOT NULL AND used_at IS NULL AND superseded_at IS NULL
"""
RECENT = "SELECT count(*) FROM one_time_code WHERE subject = $1 AND purpose = $2 AND created_at > $3"
INSERT = """
INSERT INTO one_time_code
    (id, purpose, subject, account_id, code_hash, token_hash, address, created_at, expires_at, new_email)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""


async def request_code(
    tx: Transaction, purpose: Purpose, email: str, client: Client, codes: Codes
) -> RateLimited | None:
    """The refusal is returned, so that what was counted is kept."""
    limits = request_limits(f"request_{purpose}", email, client.address, codes.per_address)
    account = (await tx.session.exec(select(Account).where(Account.email == email))).first()
    wait = await count_failure(tx, limits)
    wanted = account if account and _is_wanted(account, purpose) else None
    outcome = "throttled" if wait else "sent" if wanted else "not_sent"
    await record_audit(tx, f"request_{purpose}", outcome, client, account_id=account.id if account else None)
    if wait:
        return too_often(wait)
    await issue_code(tx, purpose, email, wanted, client=client, codes=codes)
    return None


async def issue_code(
    tx: Transaction,
    purpose: Purpose,
    whom: str,
    account: Account | None,
    *,
    client: Client,
    codes: Codes,
    new_email: str | None = None,
) -> None:
    """Take back the former code, not its link, and make another; without an account it is nobody's, and unwritten.

    `whom` is the address that was given, or for `new_email` the account's id.
    """
    subject, now = codes.subject_of(whom), clock.now()
    await tx.sql.execute(LOCK, subject.hex())
    await tx.sql.execute(TAKE_BACK, subject, purpose)
    recent = await tx.sql.fetchval(RECENT, subject, purpose, now - DAY)
    code = f"{secrets.randbelow(1_000_000):06}" if recent < CODES_PER_DAY else None
    id_, token, expires_at = new_id(), secrets.token_urlsafe(32), now + LIFETIME
    code_hash = codes.hash_of(id_, purpose, code) if code else None
    owner: UUID | None = account.id if account else None
    await tx.sql.execute(
        INSERT, id_, purpose, subject, owner, code_hash, digest(token), client.address, now, expires_at, new_email
    )
    sealed = codes.sealed(purpose, owner or id_, code, token)
    if account:
        tx.publish(code_requested(purpose, account, sealed, expires_at, new_email))


def _is_wanted(account: Account, purpose: Purpose) -> bool:
    return account.is_active and not (purpose == "confirm_email" and account.email_confirmed)
