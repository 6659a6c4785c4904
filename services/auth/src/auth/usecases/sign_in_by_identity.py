"""Signing in as somebody whom another issuer has identified.

Refusals are returned, not raised: the transaction that records a failure must commit.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlmodel import select

from auth.accounts.usecases import Account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.domain.oidc import Decision, Standing, Stranger, decide
from auth.providers.signing import Signer
from auth.providers.vault import Vault
from auth.registration.usecases import NewAccount, create_account
from auth.services import AuthServices
from auth.sessions.usecases.open_session import TokenPair, open_session
from auth.sessions.usecases.sign_in import Attempt, admit
from auth.throttle.domain import Policy
from auth.throttle.usecases import limits_of
from auth.usecases.link_identity import OWNER, link_identity, store_identity
from auth.usecases.return_oidc import Return, end_return, keep_outcome, stale
from common import clock
from common.errors import Conflict, DukanError, Forbidden, Unavailable
from common.persistence.transaction import Transaction

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
HELD = "SELECT 1 FROM oidc_flow WHERE state_hash = $1 AND expires_at > $2 FOR UPDATE"
# An issuer that could not be asked for the address has not taken it back.
USED = "UPDATE identity SET last_used_at = $3, email = coalesce($4, email) WHERE issuer = $1 AND subject = $2"
# Who gets one of these may come again with the same state.
ASKED_AGAIN = frozenset(("otp_required", "otp_invalid", "too_many_attempts"))


async def sign_in_by_identity(
    tx: Transaction,
    returned: Return,
    stranger: Stranger,
    code: str,
    client: Client,
    *,
    otp: str | None,
    device_name: str | None,
    signer: Signer,
    vault: Vault,
    services: AuthServices,
    may_tell: bool,
) -> TokenPair | DukanError:
    """`may_tell`: somebody without a verified address may learn that it is taken."""
    if not await tx.sql.fetchval(HELD, returned.state_hash, clock.now()):
        return stale()
    account = await _account_of(tx, stranger, client, otp, vault=vault, services=services, may_tell=may_tell)
    if isinstance(account, DukanError) and account.code in ASKED_AGAIN:
        await keep_outcome(tx, returned, stranger, code, vault)
        return account
    await end_return(tx, returned)
    if isinstance(account, DukanError):
        return account
    await tx.sql.execute(USED, stranger.issuer, stranger.subject, clock.now(), stranger.email)
    grant = await open_session(tx, account, client, device_name, signer)
    ids = {"account_id": account.id, "session_id": grant.session_id}
    await record_audit(tx, "sign_in", "succeeded", client, **ids, provider=stranger.provider)
    return grant


async def _account_of(
    tx: Transaction,
    stranger: Stranger,
    client: Client,
    otp: str | None,
    *,
    vault: Vault,
    services: AuthServices,
    may_tell: bool,
) -> Account | DukanError:
    """The account, locked, that is signed in to: one that was before, one with the same address, or a new one."""
    await tx.sql.execute(LOCK, f"{stranger.issuer} {stranger.subject}")
    known, is_linked = await _known(tx, stranger)
    decision = decide(stranger, _standing(known, is_linked=is_linked), may_tell=may_tell)
    if decision == "create":
        return await _create(tx, stranger, client, services)
    if known is None or decision in REFUSALS:
        ids = {"account_id": known.id if known else None}
        await record_audit(tx, "sign_in", decision, client, **ids, provider=stranger.provider)
        return _refusal(decision)
    try:
        account = await admit(tx, _attempt(stranger, known, client, services.per_address), known, otp, vault)
    except DukanError as error:
        return error
    if isinstance(account, Account) and decision == "link":
        await link_identity(tx, account.id, stranger, client)
    return account


async def _known(tx: Transaction, stranger: Stranger) -> tuple[Account | None, bool]:
    """The account that this identity signs in to, or else the one with its address; and whether it is the former."""
    owner = await tx.sql.fetchval(OWNER, stranger.issuer, stranger.subject)
    condition = Account.id == owner if owner else Account.email == stranger.email
    return (await tx.session.exec(select(Account).where(condition))).first(), owner is not None


def _standing(account: Account | None, *, is_linked: bool) -> Standing | None:
    if account is None:
        return None
    is_open = account.is_active and account.deleted_at is None
    return Standing(is_linked=is_linked, is_open=is_open, email_confirmed=account.email_confirmed)


async def _create(tx: Transaction, stranger: Stranger, client: Client, services: AuthServices) -> Account:
    profile: Mapping[str, Any] = {"first_name": stranger.first_name, "last_name": stranger.last_name}
    new = NewAccount(stranger.email or "", None, profile, email_confirmed=stranger.email_verified)
    account = await create_account(tx, new, client, services)
    await store_identity(tx, account.id, stranger, client)
    return account


def _attempt(stranger: Stranger, account: Account, client: Client, per_address: Policy) -> Attempt:
    """Guesses at the second factor count as in any other sign-in."""
    limits = limits_of(f"oidc:{stranger.issuer} {stranger.subject}", client.address, per_address)
    return Attempt(account, limits, client)


REFUSALS: Mapping[Decision, str] = {
    "closed": "This account has been deactivated",
    "no_answer": "The issuer cannot be asked for your e-mail address at this moment; start again",
    "no_email": "The issuer gave no e-mail address",
    "email_unverified": "The issuer has not verified your e-mail address",
    "account_unconfirmed": "An account with your e-mail address waits for its confirmation; confirm it first",
}
CODES: Mapping[Decision, str] = {
    "closed": "account_deactivated",
    "no_answer": "oidc_no_answer",
    "no_email": "oidc_no_email",
    "email_unverified": "oidc_email_unverified",
    "account_unconfirmed": "oidc_account_unconfirmed",
}
KINDS: Mapping[Decision, Callable[..., DukanError]] = {"no_answer": Unavailable, "account_unconfirmed": Conflict}


def _refusal(decision: Decision) -> DukanError:
    return KINDS.get(decision, Forbidden)(REFUSALS[decision], code=CODES[decision])
