"""auth, wired."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from auth import subscribers
from auth.api import (
    api_keys,
    audit,
    devices,
    email,
    email_change,
    emergencies,
    hot,
    identities,
    internal,
    key_exchange,
    me,
    oidc,
    oidc_page,
    own_data,
    pages,
    passkey_sign_in,
    passkeys,
    password,
    pre_registration,
    registration,
    roles,
    second_factor,
    sign_in,
    sign_out,
    step_up,
    users,
    well_known,
)
from auth.api.context import Identification
from auth.domain.passkeys import site_of
from auth.domain.passwords import normalised
from auth.domain.throttle import per_minute
from auth.jobs import build_jobs
from auth.providers.codes import Codes
from auth.providers.hashing import PasswordHashing
from auth.providers.issuers import Issuers
from auth.providers.oidc_file import read_oidc_file
from auth.providers.passkeys import Passkeys
from auth.providers.signing import Signer
from auth.providers.vault import Vault
from auth.queries.sessions import revoked_sessions
from auth.queries.signing_keys import key_set
from auth.settings import Settings
from auth.usecases.ensure_admin import ensure_admin, has_admin
from auth.usecases.rotate_keys import ensure_keys
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
    passkey_sign_in,
    oidc,
    oidc_page,
    identities,
    sign_out,
    second_factor,
    passkeys,
    step_up,
    devices,
    audit,
    roles,
    me,
    own_data,
    # Before `users`, whose paths take any id.
    emergencies,
    users,
    well_known,
    api_keys,
    internal,
    key_exchange,
)
READERS = 2
"""Connections for the one read that is gathered into few statements."""


def build(settings: Settings) -> Service:
    database = Database(settings.database_url.get_secret_value(), pool_size=settings.database_pool_size)
    reader = Reader(settings.database_url.get_secret_value(), READERS)
    vault = Vault(settings.key_secret.get_secret_value())
    identification = _identification(settings, vault)
    issuers = _issuers(settings)
    return Service(
        name="auth",
        settings=settings,
        database=database,
        routers=[module.router for module in API],
        subscribers=[subscribers],
        listeners=[Listener([SigningKeysWithdrawn], lambda _: identification.signer.forget())],
        root_routers=[well_known.router],
        jobs=build_jobs(
            database, vault, timedelta(days=settings.audit_days), keep_deleted=timedelta(days=settings.deleted_days)
        ),
        resources=[reader, issuers.client, _prepared(settings, database, vault, identification.hashing)],
        state={
            "identification": identification,
            "profiles": hot.Profiles(reader, identification.media_urls),
            "issuers": issuers,
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
        passkeys=_passkeys(settings),
        trusted_proxies=settings.trusted_proxies or (),
        failures_per_minute=settings.sign_in_failures_per_minute or 1,
        existence_replies=bool(settings.existence_replies),
        public_url=settings.public_url,
        issuer=settings.issuer,
        secure_cookies=settings.is_production,
        media_urls=MediaUrls(settings.media_secret.get_secret_value()),
    )


def _issuers(settings: Settings) -> Issuers:
    file = read_oidc_file(settings.oidc_file, allows_http=not settings.is_production)
    return Issuers(file, settings.public_url, allows_http=not settings.is_production)


def _codes(settings: Settings, vault: Vault) -> Codes:
    seal = Seal(settings.mail_secret.get_secret_value())
    return Codes(vault, seal, settings.public_url, per_minute(settings.sign_in_failures_per_minute or 1))


def _passkeys(settings: Settings) -> Passkeys:
    site, origin = site_of(settings.public_url)
    return Passkeys(settings.passkey_site or site, [origin, *settings.passkey_origins])


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
