"""Sign-ins that were sent to an issuer, with a `state` that is valid once.

A callback claims its sign-in before the issuer is asked, so that of two concurrent callbacks only one asks. It is
released if the issuer is unavailable; it keeps the identity while the second factor is asked for; in every other case
it ends.
"""

import json
import secrets
from dataclasses import asdict, dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Self
from uuid import UUID

import asyncpg

from auth.clients import Client, neighbourhood
from auth.errors import OidcStateInvalid, TooManyPendingLogins
from auth.oidc import store
from auth.oidc.domain import MAX_PENDING_LOGINS, ExternalIdentity
from auth.oidc.providers.provider import LoginSecrets
from auth.services import AuthServices
from auth.tokens import digest
from auth.vault import Vault
from common import clock
from common.persistence.transaction import Transaction


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """`state` is a parameter of the redirects, `browser` the value of a cookie."""

    state: str
    browser: str
    secrets: LoginSecrets

    @classmethod
    def create(cls, redirect_uri: str) -> Self:
        login_secrets = LoginSecrets(secrets.token_urlsafe(48), secrets.token_urlsafe(32), redirect_uri)
        return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), login_secrets)


@dataclass(frozen=True, slots=True)
class PendingLogin:
    """A claimed sign-in. It has an `identity` if the issuer named one before and the second factor was missing."""

    state_hash: bytes
    code: str
    secrets: LoginSecrets
    identity: ExternalIdentity | None = None


@dataclass(frozen=True, slots=True)
class IdentifiedLogin:
    """A claimed sign-in whose code the issuer has exchanged for an identity."""

    state_hash: bytes
    code: str
    identity: ExternalIdentity


async def start_login(
    tx: Transaction,
    request: AuthorizationRequest,
    provider: str,
    client: Client,
    services: AuthServices,
    *,
    account_id: UUID | None,
) -> datetime:
    """When it expires. With `account_id` the identity is to be linked to this account, without it signs in.

    Raises TooManyPendingLogins. Concurrent requests may each see room under the limit, and exceed it by their number at
    most.
    """
    place = neighbourhood(client.address)
    total, first_expiry = await store.pending_logins(tx, place)
    if total >= MAX_PENDING_LOGINS:
        raise TooManyPendingLogins((first_expiry - clock.now()).total_seconds())
    state_hash = digest(request.state)
    content = json.dumps(asdict(request.secrets)).encode()
    return await store.insert_login(
        tx,
        state_hash,
        provider,
        account_id,
        sealed=services.vault.seal(content, _seal_name(state_hash)),
        browser_hash=digest(request.browser),
        place=place,
    )


async def claim_login(
    tx: Transaction,
    state: str,
    code: str,
    services: AuthServices,
    *,
    provider: str,
    browser: str | None,
    account_id: UUID | None,
) -> PendingLogin:
    """`provider` and `account_id` must be those that it was started with, and so must `browser` unless it is None.

    Raises OidcStateInvalid.
    """
    state_hash = digest(state)
    row = await store.lock_login(tx, state_hash)
    if row is None or (row["provider"], row["account_id"]) != (provider, account_id) or not _is_same(row, browser):
        raise OidcStateInvalid
    login_secrets = LoginSecrets(**json.loads(services.vault.unseal(row["sealed"], _seal_name(state_hash))))
    if row["outcome"] is not None:
        identity = _saved_identity(row["outcome"], state_hash, code, services.vault)
        return PendingLogin(state_hash, code, login_secrets, identity)
    if row["claimed_at"] is not None:
        raise OidcStateInvalid
    await store.claim_login(tx, state_hash)
    return PendingLogin(state_hash, code, login_secrets)


async def release_login(tx: Transaction, login: PendingLogin) -> None:
    """The issuer was unavailable: the same callback may be sent again."""
    await store.release_login(tx, login.state_hash)


async def save_identity(tx: Transaction, login: IdentifiedLogin, vault: Vault) -> None:
    """For the same callback with a second factor."""
    content = json.dumps({"code": digest(login.code).hex(), "identity": asdict(login.identity)}).encode()
    await store.save_outcome(tx, login.state_hash, vault.seal(content, _seal_name(login.state_hash, "outcome")))


async def end_login(tx: Transaction, login: PendingLogin | IdentifiedLogin) -> bool:
    """False if it had ended before: of two concurrent callbacks, one succeeds."""
    return await store.delete_login(tx, login.state_hash)


async def delete_expired_logins(tx: Transaction) -> int:
    """How many."""
    return await store.delete_expired_logins(tx)


def _is_same(row: asyncpg.Record, browser: str | None) -> bool:
    return browser is None or compare_digest(row["browser_hash"], digest(browser))


def _saved_identity(sealed: bytes, state_hash: bytes, code: str, vault: Vault) -> ExternalIdentity:
    """Raises OidcStateInvalid for another code, and for content that an earlier version sealed.

    A sign-in lasts ten minutes: one that was under way during an upgrade starts again at the issuer.
    """
    content = json.loads(vault.unseal(sealed, _seal_name(state_hash, "outcome")))
    if "identity" not in content or not compare_digest(content["code"], digest(code).hex()):
        raise OidcStateInvalid
    return ExternalIdentity(**content["identity"])


def _seal_name(state_hash: bytes, part: str = "secrets") -> str:
    """The name that is bound to the sealed content."""
    return f"oidc:{part}:{state_hash.hex()}"
