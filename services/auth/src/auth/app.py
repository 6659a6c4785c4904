"""auth, wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from auth import subscribers
from auth.api import (
    audit,
    devices,
    email,
    email_change,
    hot,
    internal,
    me,
    own_data,
    pages,
    password,
    pre_registration,
    registration,
    roles,
    sign_in,
    sign_out,
    users,
)
from auth.api.context import Identification
from auth.api_keys.api import exchange as api_key_exchange
from auth.api_keys.api import keys as api_keys
from auth.domain.passwords import normalised
from auth.domain.throttle import per_minute
from auth.incidents import api as incidents
from auth.jobs import build_jobs
from auth.oidc.api import callback_page, identities
from auth.oidc.api import sign_in as oidc
from auth.oidc.providers.config import read_oidc_file
from auth.oidc.providers.provider import Providers
from auth.passkeys import api as passkeys
from auth.passkeys.domain import relying_party_of
from auth.passkeys.providers.webauthn import RelyingParty
from auth.providers.codes import Codes
from auth.providers.hashing import PasswordHashing
from auth.queries.sessions import revoked_sessions
from auth.settings import Settings
from auth.signing_keys import api as signing_keys
from auth.signing_keys.providers.signer import Signer
from auth.signing_keys.usecases import ensure_keys, key_set
from auth.step_up import api as step_up
from auth.totp import api as totp
from auth.usecases.ensure_admin import ensure_admin, has_admin
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
    email,
    email_change,
    password,
    pages,
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
    roles,
    me,
    own_data,
    # Before `users`, whose paths take any id.
    incidents,
    users,
    signing_keys,
    api_keys,
    internal,
    api_key_exchange,
)
READERS = 2
"""Connections for the one read that is gathered into few statements."""


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    reader = Reader(settings.database_url.get_secret_value(), READERS)
    vault = Vault(settings.key_secret.get_secret_value())
    identification = _identification(settings, vault)
    providers = _providers(settings)
    return Service(
        name="auth",
        settings=settings,
        database=database,
        routers=[module.router for module in API],
        subscribers=[subscribers],
        listeners=[Listener([SigningKeysWithdrawn], lambda _: identification.signer.reset())],
        root_routers=[signing_keys.well_known],
        jobs=build_jobs(
            database, vault, timedelta(days=settings.audit_days), keep_deleted=timedelta(days=settings.deleted_days)
        ),
        resources=[reader, providers.client, _prepared(settings, database, vault, identification.hashing)],
        state={
            "identification": identification,
            "profiles": hot.Profiles(reader, identification.media_urls),
            "oidc_providers": providers,
        },
        fast_reads=hot.FAST_READS,
        verifier=_verifier(settings, database),
    )


def _identification(settings: Settings, vault: Vault) -> Identification:
    lifetime = timedelta(minutes=settings.access_token_minutes)
    return Identification(
        hashing=PasswordHashing(),
        signer=Signer(vault, issuer=settings.issuer, audience=settings.audience, lifetime=lifetime),
        vault=vault,
        codes=_codes(settings, vault),
        passkeys=_relying_party(settings),
        trusted_proxies=settings.trusted_proxies or (),
        failures_per_minute=settings.sign_in_failures_per_minute or 1,
        existence_replies=bool(settings.existence_replies),
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
    """Keys to sign with, and someone to administer."""
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
    """auth asks its own database where others ask auth."""

    async def keys() -> dict[str, Any]:
        async with database.begin() as tx:
            return await key_set(tx)

    async def revocations() -> list[dict[str, str]]:
        async with database.begin() as tx:
            rows = await revoked_sessions(tx)
        return [{"session_id": str(row["id"]), "expires_at": row["access_expires_at"].isoformat()} for row in rows]

    return TokenVerifier(KeySet(keys), RevocationList(revocations), issuer=settings.issuer, audience=settings.audience)
