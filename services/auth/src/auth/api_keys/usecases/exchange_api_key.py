"""Exchanges an API key for a short access token, which the gateway caches and forwards in its place.

The access tokens of a key belong to a session of its own, so whatever ends the sessions of an account ends them as
well; the next exchange opens another session.
"""

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from uuid import UUID

import asyncpg

from auth.accounts.usecases import share_active_account
from auth.api_keys import store
from auth.api_keys.domain import ACCESS_TOKEN_LIFETIME, lease, next_day, public_id_of
from auth.audit.usecases import record_audit
from auth.clients import Client, is_within
from auth.errors import ApiKeyAddressForbidden, ApiKeyInvalid, DailyLimitReached, ExpiredApiKey, RevokedApiKey
from auth.services import AuthServices
from auth.sessions.domain import MAX_LIFETIME
from auth.sessions.usecases.open_session import issue_access
from auth.signing_keys.domain import AccessToken
from common import clock
from common.errors import DukanError
from common.persistence.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ExchangedToken:
    """`uses` is the number of requests it is valid for, None without a limit.

    A bound token is valid from this address only.
    """

    access: AccessToken
    uses: int | None
    is_bound: bool


async def exchange_api_key(tx: Transaction, text: str, client: Client, services: AuthServices) -> ExchangedToken:
    """Raises ApiKeyInvalid, RevokedApiKey, ExpiredApiKey, ApiKeyAddressForbidden and DailyLimitReached."""
    public_id, now = public_id_of(text), clock.now()
    key = await store.lock_by_public_id(tx, public_id) if public_id else None
    if key is None:
        raise ApiKeyInvalid
    until = _valid_until(key, services.vault.api_key_digest(text), now)
    if until is None:
        await _record_rejection(tx, key, client, "wrong_secret")
        raise ApiKeyInvalid
    # A concurrent deactivation waits, and then ends this session as well.
    account = await share_active_account(tx, key["account_id"])
    if account is None:
        await _record_rejection(tx, key, client, "account_closed")
        raise ApiKeyInvalid
    if (error := _usage_error(key, client, now)) is not None:
        await _record_rejection(tx, key, client, error.code)
        raise error
    uses, spent = _lease(key, now)
    session_id = await _session(tx, key, client, until)
    access = await issue_access(tx, account, session_id, services.signer, scope=key["scopes"], until=until)
    await store.save_use(tx, key["id"], session_id, spent)
    return ExchangedToken(access, uses, bool(key["ip_allow"]))


def _valid_until(key: asyncpg.Record, digest: bytes, now: datetime) -> datetime | None:
    """When an access token for this secret ends at the latest; None if it is not, or no longer, the key's secret."""
    ends: list[datetime] = [now + ACCESS_TOKEN_LIFETIME, *([key["expires_at"]] if key["expires_at"] else [])]
    if compare_digest(digest, key["hash"]):
        return min(ends)
    retired_until: datetime | None = key["retired_until"]
    if retired_until is not None and compare_digest(digest, key["retired_hash"]) and now < retired_until:
        return min(*ends, retired_until)
    return None


def _usage_error(key: asyncpg.Record, client: Client, now: datetime) -> DukanError | None:
    """Why a key with the right secret may not be used now; None if it may."""
    if key["revoked_at"] is not None:
        return RevokedApiKey()
    if key["expires_at"] is not None and key["expires_at"] <= now:
        return ExpiredApiKey()
    if key["ip_allow"] and not is_within(client.address, key["ip_allow"]):
        return ApiKeyAddressForbidden()
    return None


def _lease(key: asyncpg.Record, now: datetime) -> tuple[int | None, int]:
    """The requests leased with this exchange, None without a limit, and today's count with them.

    Raises DailyLimitReached.
    """
    spent = key["spent"] if key["spent_on"] == now.date() else 0
    if not key["daily_limit"]:
        return None, spent
    uses = lease(key["daily_limit"], spent)
    if uses == 0:
        raise DailyLimitReached((next_day(now) - now).total_seconds())
    return uses, spent + uses


async def _session(tx: Transaction, key: asyncpg.Record, client: Client, until: datetime) -> UUID:
    """The key's session, or a new one if it has ended."""
    session_id = key["session_id"]
    if session_id and await store.extend_session(tx, session_id, client, until):
        return UUID(str(session_id))
    return await store.insert_session(tx, key, client, clock.now() + MAX_LIFETIME, until)


async def _record_rejection(tx: Transaction, key: asyncpg.Record, client: Client, outcome: str) -> None:
    await record_audit(tx, "use_api_key", outcome, client, account_id=key["account_id"], key=key["public_id"])
