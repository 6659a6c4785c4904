"""Signs in a person whom another issuer has identified."""

from collections.abc import Mapping

from auth.accounts.usecases import Account, find_account, find_account_by_email
from auth.audit.usecases import record_audit
from auth.clients import Client
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
from auth.registration.usecases import NewAccount, create_account
from auth.services import AuthServices
from auth.sessions.usecases.open_session import TokenPair, open_session
from auth.sessions.usecases.sign_in import Attempt, admit
from auth.throttle.usecases import limits_of
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
    services: AuthServices,
    *,
    otp: str | None,
    device_name: str | None,
) -> TokenPair:
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
    tokens = await open_session(tx, account, client, device_name, services.signer)
    ids = {"account_id": account.id, "session_id": tokens.session_id}
    await record_audit(tx, "sign_in", "succeeded", client, **ids, provider=identity.provider)
    return tokens


async def _account_of(
    tx: Transaction, identity: ExternalIdentity, client: Client, otp: str | None, services: AuthServices
) -> Account:
    """The account to sign in to, locked: the identity's, one with its address, or a new one."""
    await store.lock_identity(tx, identity)
    known, is_linked = await _find_account(tx, identity)
    state = _state_of(known, is_linked=is_linked)
    decision = decide(identity, state, reveals_existence=services.reveals_account_existence)
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
    if owner is not None:
        return await find_account(tx, owner), True
    return (await find_account_by_email(tx, identity.email) if identity.email else None), False


def _state_of(account: Account | None, *, is_linked: bool) -> AccountState | None:
    if account is None:
        return None
    is_open = account.is_active and account.deleted_at is None
    return AccountState(is_linked=is_linked, is_open=is_open, email_confirmed=account.email_confirmed)


async def _create_account(
    tx: Transaction, identity: ExternalIdentity, client: Client, services: AuthServices
) -> Account:
    new = NewAccount(
        identity.email or "",
        password_hash=None,
        profile={"first_name": identity.first_name, "last_name": identity.last_name},
        email_confirmed=identity.email_verified,
    )
    account = await create_account(tx, new, client, services)
    await store_identity(tx, account.id, identity, client)
    return account


def _attempt(identity: ExternalIdentity, account: Account, client: Client, services: AuthServices) -> Attempt:
    """Guesses of the second factor count as in every sign-in."""
    key = f"oidc:{identity.issuer} {identity.subject}"
    return Attempt(account, limits_of(key, client.address, services.per_address), client)
