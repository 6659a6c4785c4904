"""Signing in with a password, in two transactions with the password's verification between them.

The errors are `Recorded`: the transaction that records a failure commits. Unknown accounts, wrong
passwords and closed accounts take the same steps and get the same answer.
"""

from dataclasses import dataclass
from typing import NoReturn

from sqlmodel import col, func, or_, select

from auth.domain.clients import Client
from auth.domain.throttle import Policy
from auth.errors import AccountDeactivated, InvalidCredentials, OtpInvalid, OtpRequired, TooManyAttempts
from auth.providers.hashing import Verification
from auth.signing_keys.providers.signer import Signer
from auth.tables import Account
from auth.totp.usecases import Factor, check_factor
from auth.usecases.open_session import Grant, open_session
from auth.usecases.record_audit import record_audit
from auth.usecases.throttle import Limits, count_failure, forgive, limits_of, settled_wait_of, wait_of
from auth.vault import Vault
from common.persistence.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Attempt:
    """Between the transactions: whose password is to be verified, if anybody's; `action` names it on the trail."""

    account: Account | None
    limits: Limits
    client: Client
    action: str = "sign_in"

    @property
    def password_hash(self) -> str | None:
        return self.account.password_hash if self.account else None


async def begin_sign_in(tx: Transaction, identifier: str, client: Client, per_address: Policy) -> Attempt:
    """`identifier` is an e-mail address or a username."""
    name = identifier.strip().lower()
    known = or_(Account.email == name, func.lower(Account.username) == name)
    # A deleted account is nobody's from the first step on, so that nothing tells it from one that never was.
    account = (await tx.session.exec(select(Account).where(known, col(Account.deleted_at).is_(None)))).first()
    attempt = Attempt(account, limits_of(name, client.address, per_address), client)
    if wait := await wait_of(tx, attempt.limits):
        await too_many(tx, attempt, wait)
    return attempt


async def finish_sign_in(
    tx: Transaction,
    attempt: Attempt,
    verification: Verification,
    *,
    otp: str | None,
    new_hash: str | None,
    device_name: str | None,
    signer: Signer,
    vault: Vault,
) -> Grant:
    """`new_hash` replaces one that was made with outdated parameters."""
    account = await settle(tx, attempt, verification, otp, vault)
    account.password_hash = new_hash or account.password_hash
    grant = await open_session(tx, account, attempt.client, device_name, signer)
    await record_audit(
        tx, attempt.action, "succeeded", attempt.client, account_id=account.id, session_id=grant.session_id
    )
    return grant


async def settle(
    tx: Transaction, attempt: Attempt, verification: Verification, otp: str | None, vault: Vault
) -> Account:
    """The account, locked, of someone whose password is right and who has the second factor where there is one."""
    known = attempt.account
    if known is None or not verification.matches:
        await _failed(tx, attempt, attempt.limits)
        await _wrong(tx, attempt)
    return await admit(tx, attempt, known, otp, vault)


async def admit(tx: Transaction, attempt: Attempt, known: Account, otp: str | None, vault: Vault) -> Account:
    """The account, locked, of someone who is known to be its owner and has the second factor where there is one."""
    # With a code the counters are taken now, before the account: whoever counts a failure later has them already.
    limits = attempt.limits.of_factor(known.id) if otp else attempt.limits
    if wait := await settled_wait_of(tx, limits, reserve=otp is not None):
        await too_many(tx, attempt, wait)
    account = await _unchanged(tx, known)
    if account is None:
        await _wrong(tx, attempt)
    if not account.is_active:
        await _record(tx, attempt, "account_deactivated")
        raise AccountDeactivated
    await _second(tx, attempt, await check_factor(tx, account.id, otp, vault), limits)
    await forgive(tx, limits)
    return account


async def _second(tx: Transaction, attempt: Attempt, factor: Factor, limits: Limits) -> None:
    """A second factor is asked for only after the right password, so that nobody learns who has one."""
    if factor is Factor.MISSING:
        await _record(tx, attempt, "otp_required")
        raise OtpRequired
    if factor is Factor.WRONG:
        await _failed(tx, attempt, limits)
        await _record(tx, attempt, "wrong_otp")
        raise OtpInvalid


async def _unchanged(tx: Transaction, account: Account) -> Account | None:
    """The account, locked; None when it was deleted or its password changed after it was read."""
    same = (Account.id == account.id, Account.password_hash == account.password_hash, col(Account.deleted_at).is_(None))
    return (await tx.session.exec(select(Account).where(*same).with_for_update())).first()


async def _failed(tx: Transaction, attempt: Attempt, limits: Limits) -> None:
    """Counts a failure. Raises TooManyAttempts if the attempt came too early to be one."""
    if wait := await count_failure(tx, limits):
        await too_many(tx, attempt, wait)


async def _wrong(tx: Transaction, attempt: Attempt) -> NoReturn:
    await _record(tx, attempt, "wrong_password" if attempt.account else "unknown_account")
    raise InvalidCredentials


async def too_many(tx: Transaction, attempt: Attempt, wait: float) -> NoReturn:
    await _record(tx, attempt, "throttled")
    raise TooManyAttempts(wait)


async def _record(tx: Transaction, attempt: Attempt, outcome: str) -> None:
    account_id = attempt.account.id if attempt.account else None
    await record_audit(tx, attempt.action, outcome, attempt.client, account_id=account_id)
