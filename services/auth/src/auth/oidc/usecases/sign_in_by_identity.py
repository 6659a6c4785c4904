"""Signs in a person whom another issuer has identified."""

from collections.abc import Mapping

from sqlmodel import select

from auth.api.context import Identification
from auth.domain.clients import Client
from auth.errors import (
    AccountDeactivated,
    OidcAccountUnconfirmed,
    OidcEmailMissing,
    OidcEmailUnavailable,
    OidcEmailUnverified,
    OidcStateInvalid,
    OtpInvalid,
    OtpRequired,
    TooManyAttempts,
)
from auth.oidc import store
from auth.oidc.domain import AccountState, Decision, ExternalIdentity, decide
from auth.oidc.usecases.link_identity import link_identity, store_identity
from auth.oidc.usecases.pending_logins import IdentifiedLogin, end_login, save_identity
from auth.tables import Account
from auth.usecases.open_session import Grant, open_session
from auth.usecases.record_audit import record_audit
from auth.usecases.register import register
from auth.usecases.sign_in import Attempt, admit
from auth.usecases.throttle import limits_of
from common.errors import DukanError
from common.persistence.transaction import Transaction

RETRYABLE = (OtpRequired, OtpInvalid, TooManyAttempts)
"""After one of these, the same callback may be sent again with another code of the second factor."""

REJECTIONS: Mapping[Decision, type[DukanError]] = {
    "closed": AccountDeactivated,
    "no_answer": OidcEmailUnavailable,
    "no_email": OidcEmailMissing,
    "email_unverified": OidcEmailUnverified,
    "account_unconfirmed": OidcAccountUnconfirmed,
}


async def sign_in_by_identity(
    tx: Transaction,
    login: IdentifiedLogin,
    client: Client,
    services: Identification,
    *,
    otp: str | None,
    device_name: str | None,
) -> Grant:
    """Raises OidcStateInvalid, RETRYABLE and REJECTIONS."""
    identity = login.identity
    if await store.lock_login(tx, login.state_hash) is None:
        raise OidcStateInvalid
    try:
        account = await _account_of(tx, identity, client, otp, services)
    except RETRYABLE:
        await save_identity(tx, login, services.vault)
        raise
    except DukanError:
        await end_login(tx, login)
        raise
    await end_login(tx, login)
    await store.save_identity_use(tx, identity)
    grant = await open_session(tx, account, client, device_name, services.signer)
    ids = {"account_id": account.id, "session_id": grant.session_id}
    await record_audit(tx, "sign_in", "succeeded", client, **ids, provider=identity.provider)
    return grant


async def _account_of(
    tx: Transaction, identity: ExternalIdentity, client: Client, otp: str | None, services: Identification
) -> Account:
    """The account to sign in to, locked: the identity's, one with its address, or a new one."""
    await store.lock_identity(tx, identity)
    known, is_linked = await _find_account(tx, identity)
    state = _state_of(known, is_linked=is_linked)
    decision = decide(identity, state, reveals_existence=services.existence_replies)
    if decision == "create":
        return await _create_account(tx, identity, client, services)
    if known is None or decision in REJECTIONS:
        ids = {"account_id": known.id if known else None}
        await record_audit(tx, "sign_in", decision, client, **ids, provider=identity.provider)
        raise REJECTIONS[decision]
    account = await admit(tx, _attempt(identity, known, client, services), known, otp, services.vault)
    if decision == "link":
        await link_identity(tx, account.id, identity, client)
    return account


async def _find_account(tx: Transaction, identity: ExternalIdentity) -> tuple[Account | None, bool]:
    """The account that the identity signs in to, or else the one with its address; and whether it is the former."""
    owner = await store.owner_of(tx, identity)
    condition = Account.id == owner if owner else Account.email == identity.email
    return (await tx.session.exec(select(Account).where(condition))).first(), owner is not None


def _state_of(account: Account | None, *, is_linked: bool) -> AccountState | None:
    if account is None:
        return None
    is_open = account.is_active and account.deleted_at is None
    return AccountState(is_linked=is_linked, is_open=is_open, email_confirmed=account.email_confirmed)


async def _create_account(
    tx: Transaction, identity: ExternalIdentity, client: Client, services: Identification
) -> Account:
    account = await register(
        tx,
        identity.email or "",
        None,
        {"first_name": identity.first_name, "last_name": identity.last_name},
        client,
        codes=services.codes,
        tell_taken=True,
        is_confirmed=identity.email_verified,
    )
    await store_identity(tx, account.id, identity, client)
    return account


def _attempt(identity: ExternalIdentity, account: Account, client: Client, services: Identification) -> Attempt:
    """Guesses of the second factor count as in every sign-in."""
    key = f"oidc:{identity.issuer} {identity.subject}"
    return Attempt(account, limits_of(key, client.address, services.per_address), client)
