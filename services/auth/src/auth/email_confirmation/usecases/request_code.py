"""Sending a code and a link by e-mail. Known and unknown addresses take the same steps and get the same response."""

import secrets
from datetime import datetime, timedelta

from auth.accounts.usecases import Account, contact_fields, find_account_by_email
from auth.audit.usecases import record_audit
from auth.clients import Client, neighbourhood
from auth.email_confirmation.domain import DAY, LIFETIME, MAX_CODES_PER_DAY, Purpose
from auth.email_confirmation.providers.codes import Codes
from auth.email_confirmation.store import (
    NewCode,
    count_codes_since,
    delete_codes_before,
    delete_email_requests_before,
    insert_code,
)
from auth.email_confirmation.usecases.limit_emails import count_email
from auth.errors import TooManyAttempts
from auth.throttle.usecases import count_failure, request_limits
from auth.tokens import digest, new_token
from common import clock
from common.contracts.auth import EmailChangeRequested, EmailConfirmationRequested, PasswordResetRequested
from common.ids import new_id
from common.persistence.transaction import Transaction


async def request_code(tx: Transaction, purpose: Purpose, email: str, client: Client, codes: Codes) -> None:
    """Does nothing if the recipient has been sent too many e-mails. Raises TooManyAttempts."""
    limits = request_limits(f"request_{purpose}", email, client.address, codes.per_address)
    account = await find_account_by_email(tx, email)
    wait = await count_failure(tx, limits)
    recipient = account if account and _needs_email(account, purpose) else None
    may_send = not wait and await count_email(tx, email, account, client, codes)
    outcome = "throttled" if wait else "sent" if recipient and may_send else "not_sent"
    await record_audit(tx, f"request_{purpose}", outcome, client, account_id=account.id if account else None)
    if wait:
        raise TooManyAttempts(wait)
    if may_send:
        await issue_code(tx, purpose, email, recipient, client=client, codes=codes)


async def issue_code(
    tx: Transaction,
    purpose: Purpose,
    recipient: str,
    account: Account | None,
    *,
    client: Client,
    codes: Codes,
    new_email: str | None = None,
) -> None:
    """Previous codes and links stay valid: whoever requests another takes nothing from the owner. Without an account no
    e-mail is sent. `count_email` comes first.

    `recipient` is the address that was given, or with `new_email` the account's id.
    """
    subject, now = codes.subject_of(recipient), clock.now()
    recent = await count_codes_since(tx, subject, purpose, now - DAY)
    code = f"{secrets.randbelow(1_000_000):06}" if recent < MAX_CODES_PER_DAY else None
    code_id, token = new_id(), new_token()
    new = NewCode(
        id=code_id,
        purpose=purpose,
        subject=subject,
        account_id=account.id if account else None,
        code_hash=codes.hash_of(code_id, purpose, code) if code else None,
        token_hash=digest(token),
        address=client.address,
        network=neighbourhood(client.address),
        created_at=now,
        expires_at=now + LIFETIME,
        new_email=new_email,
    )
    await insert_code(tx, new)
    # Sealed for unknown addresses as well: the same steps take the same time.
    sealed = codes.seal(purpose, new.account_id or code_id, code, token)
    if account:
        tx.publish(_code_requested(purpose, account, sealed, new.expires_at, new_email))


async def purge_codes(tx: Transaction, keep: timedelta) -> int:
    """One batch; returns how many were deleted."""
    now = clock.now()
    return await delete_codes_before(tx, now - keep) + await delete_email_requests_before(tx, now - DAY)


def _needs_email(account: Account, purpose: Purpose) -> bool:
    return account.is_active and not (purpose == "confirm_email" and account.email_confirmed)


def _code_requested(
    purpose: Purpose, account: Account, sealed: str, expires_at: datetime, new_email: str | None
) -> EmailConfirmationRequested | PasswordResetRequested | EmailChangeRequested:
    if new_email is not None:
        return EmailChangeRequested(user_id=account.id, email=new_email, sealed=sealed, expires_at=expires_at)
    event = EmailConfirmationRequested if purpose == "confirm_email" else PasswordResetRequested
    return event(**contact_fields(account), sealed=sealed, expires_at=expires_at)
