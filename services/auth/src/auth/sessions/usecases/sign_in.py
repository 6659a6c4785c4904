"""Signing in with a password: two transactions, with the verification of the password between them.

Unknown accounts, wrong passwords and closed accounts take the same steps and get the same response. The errors are
`Recorded`: the transaction that counts a failure commits.
"""

from dataclasses import dataclass
from typing import NoReturn

from auth.accounts.usecases import Account, find_account_by_login, lock_unchanged_account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import AccountDeactivated, InvalidCredentials, OtpInvalid, OtpRequired, TooManyAttempts
from auth.passwords.domain import Verification
from auth.services import AuthServices
from auth.sessions.usecases.devices import known_device
from auth.sessions.usecases.open_session import TokenPair, open_session
from auth.throttle.usecases import Limits, count_failure, forgive, settled_wait_of, sign_in_limits, wait_of
from auth.totp.usecases import Factor, check_factor
from auth.vault import Vault
from common.people.emails import login_name
from common.persistence.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Attempt:
    """The state between the two transactions. Without an account none was found; `action` is for the audit log."""

    account: Account | None
    limits: Limits
    client: Client
    action: str = "sign_in"

    @property
    def password_hash(self) -> str | None:
        return self.account.password_hash if self.account else None


async def begin_sign_in(tx: Transaction, identifier: str, client: Client, services: AuthServices) -> Attempt:
    """`identifier` is an e-mail address or a username. Raises TooManyAttempts."""
    name = login_name(identifier)
    account = await find_account_by_login(tx, name)
    account_id = account.id if account else None
    device_id = await known_device(tx, account_id, client, services.vault) if account_id else None
    limits = sign_in_limits(name, account_id, device_id, client.address, services.per_address)
    attempt = Attempt(account, limits, client)
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
    services: AuthServices,
) -> TokenPair:
    """`new_hash` replaces one that was made with outdated parameters. Raises as `settle` does."""
    account = await settle(tx, attempt, verification, otp, services.vault)
    account.password_hash = new_hash or account.password_hash
    tokens = await open_session(tx, account, attempt.client, device_name, services.signer)
    await record_audit(
        tx, attempt.action, "succeeded", attempt.client, account_id=account.id, session_id=tokens.session_id
    )
    return tokens


async def settle(
    tx: Transaction, attempt: Attempt, verification: Verification, otp: str | None, vault: Vault
) -> Account:
    """The account, locked, after a check of the password and, if the account has one, of the second factor.

    Raises InvalidCredentials and what `admit` raises.
    """
    if attempt.account is None or not verification.matches:
        await _count_failure(tx, attempt, attempt.limits)
        await _invalid_credentials(tx, attempt)
    return await admit(tx, attempt, attempt.account, otp, vault)


async def admit(tx: Transaction, attempt: Attempt, known: Account, otp: str | None, vault: Vault) -> Account:
    """The account, locked, after a check of the second factor if the account has one.

    Raises AccountDeactivated, InvalidCredentials, OtpRequired, OtpInvalid or TooManyAttempts.
    """
    # With a code the counters are locked now, before the account: a failure that is counted later has them already.
    limits = attempt.limits.of_factor(known.id) if otp else attempt.limits
    if wait := await settled_wait_of(tx, limits, reserve=otp is not None):
        await too_many(tx, attempt, wait)
    account = await lock_unchanged_account(tx, known)
    if account is None:
        await _invalid_credentials(tx, attempt)
    if not account.is_active:
        await _record(tx, attempt, "account_deactivated")
        raise AccountDeactivated
    await _check_factor(tx, attempt, await check_factor(tx, account.id, otp, vault), limits)
    await forgive(tx, limits)
    return account


async def too_many(tx: Transaction, attempt: Attempt, wait: float) -> NoReturn:
    await _record(tx, attempt, "throttled")
    raise TooManyAttempts(wait)


async def _check_factor(tx: Transaction, attempt: Attempt, factor: Factor, limits: Limits) -> None:
    """The second factor is asked for only after the right password, so that an outsider cannot learn who has one."""
    if factor is Factor.MISSING:
        await _record(tx, attempt, "otp_required")
        raise OtpRequired
    if factor is Factor.WRONG:
        await _count_failure(tx, attempt, limits)
        await _record(tx, attempt, "wrong_otp")
        raise OtpInvalid


async def _count_failure(tx: Transaction, attempt: Attempt, limits: Limits) -> None:
    """Raises TooManyAttempts if the attempt came too early to be judged."""
    if wait := await count_failure(tx, limits):
        await too_many(tx, attempt, wait)


async def _invalid_credentials(tx: Transaction, attempt: Attempt) -> NoReturn:
    await _record(tx, attempt, "wrong_password" if attempt.account else "unknown_account")
    raise InvalidCredentials


async def _record(tx: Transaction, attempt: Attempt, outcome: str) -> None:
    account_id = attempt.account.id if attempt.account else None
    await record_audit(tx, attempt.action, outcome, attempt.client, account_id=account_id)
