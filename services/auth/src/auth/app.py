"""Composition root of auth: wires providers, routers, subscribers and jobs from the settings."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from auth.accounts import api as accounts
from auth.accounts import subscribers as avatar_subscribers
from auth.api_keys.api import exchange as api_key_exchange
from auth.api_keys.api import keys as api_keys
from auth.audit import api as audit
from auth.data_export import subscribers as export_subscribers
from auth.data_export.api import exports
from auth.email_confirmation.api import change as email_change
from auth.email_confirmation.api import confirmation as email_confirmation
from auth.email_confirmation.providers.codes import Codes
from auth.jobs import build_jobs
from auth.oidc.api import callback_page, identities
from auth.oidc.api import sign_in as oidc
from auth.oidc.providers.config import read_oidc_file
from auth.oidc.providers.provider import Providers
from auth.passkeys import api as passkeys
from auth.passkeys.domain import relying_party_of
from auth.passkeys.providers.webauthn import RelyingParty
from auth.passwords import api as passwords
from auth.passwords.domain import normalised
from auth.passwords.providers.hashing import PasswordHashing
from auth.pre_registration import api as pre_registration
from auth.registration import api as registration
from auth.registration.store import has_admin
from auth.registration.usecases import ensure_admin
from auth.services import AuthServices
from auth.sessions.api import devices, internal, sign_in, sign_out, sign_out_everybody
from auth.sessions.store.reads import revoked_sessions
from auth.settings import Settings
from auth.signing_keys import api as signing_keys
from auth.signing_keys.providers.signer import Signer
from auth.signing_keys.usecases import ensure_keys, key_set
from auth.step_up import api as step_up
from auth.throttle.domain import per_minute
from auth.totp import api as totp
from auth.users import api as users
from auth.vault import Vault
from common.contracts.auth import SigningKeysWithdrawn
from common.persistence.database import Database
from common.persistence.reader import Reader
from common.security.encryption import Seal
from common.security.key_set import KeySet
from common.security.media_urls import MediaUrls
from common.security.revocations import RevocationList
from common.security.tokens import TokenVerifier
from common.web.service import Listener, Service

API = (
    registration,
    pre_registration,
    email_confirmation,
    email_change,
    passwords,
    sign_in,
    oidc,
    callback_page,
    identities,
    sign_out,
    totp,
    passkeys,
    step_up,
    devices,
    audit,
    accounts,
    exports,
    # Before `users`, whose paths match any id.
    sign_out_everybody,
    users,
    signing_keys,
    api_keys,
    internal,
    api_key_exchange,
)
READERS = 2
"""Connections for GET /auth/me, whose concurrent requests share a query."""


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    reader = Reader(settings.database_url.get_secret_value(), READERS)
    vault = Vault(settings.key_secret.get_secret_value())
    services = _services(settings, vault)
    providers = _providers(settings)
    return Service(
        name="auth",
        settings=settings,
        database=database,
        routers=[module.router for module in API],
        subscribers=[avatar_subscribers, export_subscribers],
        listeners=[Listener([SigningKeysWithdrawn], lambda _: services.signer.reset())],
        root_routers=[signing_keys.well_known],
        jobs=build_jobs(
            database, vault, timedelta(days=settings.audit_days), keep_deleted=timedelta(days=settings.deleted_days)
        ),
        resources=[reader, providers.client, _prepared(settings, database, vault, services.hashing)],
        state={
            "services": services,
            "profiles": accounts.Profiles(reader, services.media_urls),
            "oidc_providers": providers,
        },
        fast_reads=accounts.FAST_READS,
        verifier=_verifier(settings, database),
    )


def _services(settings: Settings, vault: Vault) -> AuthServices:
    lifetime = timedelta(minutes=settings.access_token_minutes)
    return AuthServices(
        hashing=PasswordHashing(),
        signer=Signer(vault, issuer=settings.issuer, audience=settings.audience, lifetime=lifetime),
        vault=vault,
        codes=_codes(settings, vault),
        passkeys=_relying_party(settings),
        trusted_proxies=settings.trusted_proxies or (),
        failures_per_minute=settings.sign_in_failures_per_minute or 1,
        reveals_account_existence=bool(settings.reveals_account_existence),
        unique_phones=settings.unique_phones,
        public_url=settings.public_url,
        issuer=settings.issuer,
        secure_cookies=settings.is_production,
        media_urls=MediaUrls(settings.media_secret.get_secret_value()),
    )


def _providers(settings: Settings) -> Providers:
    file = read_oidc_file(settings.oidc_file, allows_http=not settings.is_production)
    return Providers(file, settings.public_url, allows_http=not settings.is_production)


def _codes(settings: Settings, vault: Vault) -> Codes:
    seal = Seal(settings.mail_secret.get_secret_value())
    return Codes(vault, seal, settings.public_url, per_minute(settings.sign_in_failures_per_minute or 1))


def _relying_party(settings: Settings) -> RelyingParty:
    rp_id, origin = relying_party_of(settings.public_url)
    return RelyingParty(settings.passkey_site or rp_id, [origin, *settings.passkey_origins])


@asynccontextmanager
async def _prepared(
    settings: Settings, database: Database, vault: Vault, hashing: PasswordHashing
) -> AsyncIterator[None]:
    """Before requests are served: signing keys and an administrator exist."""
    try:
        async with database.begin() as tx:
            await ensure_keys(tx, vault)
        await _prepare_admin(settings, database, hashing)
        yield
    finally:
        hashing.close()


async def _prepare_admin(settings: Settings, database: Database, hashing: PasswordHashing) -> None:
    password = settings.admin_password.get_secret_value()
    if not (settings.admin_email and password):
        return
    async with database.begin() as tx:
        if await has_admin(tx):
            return
    password_hash = await hashing.hash(normalised(password))
    async with database.begin() as tx:
        await ensure_admin(tx, settings.admin_email, password_hash)


def _verifier(settings: Settings, database: Database) -> TokenVerifier:
    """auth reads its own database where other services ask auth over HTTP."""

    async def keys() -> dict[str, Any]:
        async with database.begin() as tx:
            return await key_set(tx)

    async def revocations() -> list[dict[str, str]]:
        async with database.begin() as tx:
            rows = await revoked_sessions(tx)
        return [{"session_id": str(row["id"]), "expires_at": row["access_expires_at"].isoformat()} for row in rows]

    return TokenVerifier(KeySet(keys), RevocationList(revocations), issuer=settings.issuer, audience=settings.audience)
