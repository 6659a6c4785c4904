"""Signing in with a password, in two transactions with the password's verification between them.

Refusals are returned, not raised: the transaction that records a failure must commit. Unknown accounts, wrong
passwords and closed accounts take the same steps and get the same answer.
"""

from dataclasses import dataclass

from sqlmodel import func, or_, select

from auth.domain.clients import Client
from auth.domain.throttle import Policy
from auth.providers.hashing import Verification
from auth.providers.signing import Signer
from auth.tables import Account
from auth.usecases.open_session import Grant, open_session
from auth.usecases.record_audit import record_audit
from auth.usecases.throttle import Limits, count_failure, forgive, limits_of, settled_wait_of, wait_of
from common.errors import DukanError, Forbidden, RateLimited, Unauthenticated
from common.persistence.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Attempt:
    """Between the transactions: whose password is to be verified, if anybody's."""

    account: Account | None
    limits: Limits

    @property
    def password_hash(self) -> str | None:
        return self.account.password_hash if self.account else None


async def begin_sign_in(tx: Transaction, identifier: str, client: Client, per_address: Policy) -> Attempt | RateLimited:
    """`identifier` is an e-mail address or a username."""
    name = identifier.strip().lower()
    limits = limits_of(name, client.address, per_address)
    known = or_(Account.email == name, func.lower(Account.username) == name)
    account = (await tx.session.exec(select(Account).where(known))).first()
    wait = await wait_of(tx, limits)
    return await _too_many(tx, account, client, wait) if wait else Attempt(account, limits)


async def finish_sign_in(
    tx: Transaction,
    attempt: Attempt,
    verification: Verification,
    client: Client,
    *,
    new_hash: str | None,
    device_name: str | None,
    signer: Signer,
) -> Grant | DukanError:
    """`new_hash` replaces one that was made with outdated parameters."""
    known = attempt.account
    if known is None or not verification.matches:
        wait = await count_failure(tx, attempt.limits)
        return await _too_many(tx, known, client, wait) if wait else await _wrong(tx, known, client)
    if wait := await settled_wait_of(tx, attempt.limits):
        return await _too_many(tx, known, client, wait)
    account = await _unchanged(tx, known)
    if account is None:
        return await _wrong(tx, known, client)
    if not account.is_active:
        await record_audit(tx, "sign_in", "account_deactivated", client, account_id=account.id)
        return Forbidden("This account has been deactivated", code="account_deactivated")
    await forgive(tx, attempt.limits)
    account.password_hash = new_hash or account.password_hash
    grant = await open_session(tx, account, client, device_name, signer)
    await record_audit(tx, "sign_in", "succeeded", client, account_id=account.id, session_id=grant.session_id)
    return grant


async def _unchanged(tx: Transaction, account: Account) -> Account | None:
    """The account, locked; None when its password was changed after it was read."""
    same = (Account.id == account.id, Account.password_hash == account.password_hash)
    return (await tx.session.exec(select(Account).where(*same).with_for_update())).first()


async def _wrong(tx: Transaction, account: Account | None, client: Client) -> Unauthenticated:
    outcome = "wrong_password" if account else "unknown_account"
    await record_audit(tx, "sign_in", outcome, client, account_id=account.id if account else None)
    return Unauthenticated("E-mail, username or password is wrong", code="invalid_credentials")


async def _too_many(tx: Transaction, account: Account | None, client: Client, wait: float) -> RateLimited:
    await record_audit(tx, "sign_in", "throttled", client, account_id=account.id if account else None)
    return RateLimited(wait, "Too many failed attempts, try again later", code="too_many_attempts")
