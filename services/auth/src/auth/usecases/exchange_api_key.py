"""An API key for a short access token, which the gateway keeps and passes on in its place.

The tokens of a key belong to a session of its own, so whatever ends an account's sessions ends them too; the next
exchange opens another one. Refusals are returned, not raised: the trail must commit.
"""

from dataclasses import dataclass
from datetime import datetime
from hmac import compare_digest
from uuid import UUID

import asyncpg
from sqlmodel import select

from auth.accounts.usecases import Account
from auth.audit.usecases import record_audit
from auth.clients import Client, is_within
from auth.domain.api_keys import PASS_LASTS, lease, next_day, public_id_of
from auth.providers.signing import AccessToken, Signer
from auth.providers.vault import Vault
from auth.sessions.domain import MAX_LIFETIME
from auth.sessions.usecases.open_session import issue_access
from common import clock
from common.errors import DukanError, Forbidden, RateLimited, Unauthenticated
from common.ids import new_id
from common.persistence.transaction import Transaction

FIND = "SELECT * FROM api_key WHERE public_id = $1 FOR UPDATE"
STAY = """
UPDATE session SET seen_at = $2, address = $3, access_expires_at = greatest(access_expires_at, $4)
WHERE id = $1 AND ended_at IS NULL AND expires_at >= $4 RETURNING id
"""
OPEN = """
INSERT INTO session
    (id, account_id, device_name, address, user_agent, created_at, seen_at, expires_at, access_expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $6, $7, $8)
"""
USED = "UPDATE api_key SET session_id = $2, last_used_at = $3, spent_on = $4, spent = $5 WHERE id = $1"


@dataclass(frozen=True, slots=True)
class Pass:
    """`uses` is how many requests it is good for, None for any number; a bound one is for this address only."""

    access: AccessToken
    uses: int | None
    is_bound: bool


async def exchange_api_key(
    tx: Transaction, text: str, client: Client, *, signer: Signer, vault: Vault
) -> Pass | DukanError:
    public_id, now = public_id_of(text), clock.now()
    key = await tx.sql.fetchrow(FIND, public_id) if public_id else None
    if key is None:
        return _invalid()
    until = _good_until(key, vault.api_key_digest(text), now)
    if until is None:
        return await _refused(tx, key, client, "wrong_secret", _invalid())
    account = await _active_account(tx, key["account_id"])
    if account is None:
        return await _refused(tx, key, client, "account_closed", _invalid())
    if refusal := _obstacle(key, client, now):
        return await _refused(tx, key, client, refusal.code, refusal)
    spent = key["spent"] if key["spent_on"] == now.date() else 0
    uses = lease(key["daily_limit"], spent) if key["daily_limit"] else None
    if uses == 0:
        seconds = (next_day(now) - now).total_seconds()
        return RateLimited(seconds, "The key's requests of today are spent", code="daily_limit_reached")
    session_id = await _session(tx, key, client, until)
    access = await issue_access(tx, account, session_id, signer, scope=key["scopes"], until=until)
    await tx.sql.execute(USED, key["id"], session_id, now, now.date(), spent + (uses or 0))
    return Pass(access, uses, bool(key["ip_allow"]))


def _good_until(key: asyncpg.Record, digest: bytes, now: datetime) -> datetime | None:
    """When a pass for this secret ends at the latest; None when it is not the key's, or not any more."""
    ends: list[datetime] = [now + PASS_LASTS, *([key["expires_at"]] if key["expires_at"] else [])]
    if compare_digest(digest, key["hash"]):
        return min(ends)
    retired = key["retired_hash"]
    retired_until: datetime | None = key["retired_until"]
    if retired_until is not None and compare_digest(digest, retired) and now < retired_until:
        return min(*ends, retired_until)
    return None


def _obstacle(key: asyncpg.Record, client: Client, now: datetime) -> DukanError | None:
    """Why the right secret does not help."""
    if key["revoked_at"] is not None:
        return Unauthenticated("The API key has been revoked", code="api_key_revoked")
    if key["expires_at"] is not None and key["expires_at"] <= now:
        return Unauthenticated("The API key has expired", code="api_key_expired")
    if key["ip_allow"] and not is_within(client.address, key["ip_allow"]):
        return Forbidden("The API key is not for use from this address", code="api_key_address")
    return None


async def _active_account(tx: Transaction, account_id: UUID) -> Account | None:
    """Shared, so that who closes the account ends this pass as well."""
    open_one = select(Account).where(Account.id == account_id, Account.is_active)
    return (await tx.session.exec(open_one.with_for_update(read=True))).first()


async def _session(tx: Transaction, key: asyncpg.Record, client: Client, until: datetime) -> UUID:
    now = clock.now()
    if key["session_id"] and await tx.sql.fetchval(STAY, key["session_id"], now, client.address, until):
        return UUID(str(key["session_id"]))
    session_id, name = new_id(), f"API key {key['name']}"
    place = (client.address, client.user_agent)
    await tx.sql.execute(OPEN, session_id, key["account_id"], name, *place, now, now + MAX_LIFETIME, until)
    return session_id


async def _refused(
    tx: Transaction, key: asyncpg.Record, client: Client, outcome: str, refusal: DukanError
) -> DukanError:
    await record_audit(tx, "use_api_key", outcome, client, account_id=key["account_id"], key=key["public_id"])
    return refusal


def _invalid() -> Unauthenticated:
    return Unauthenticated("The API key is not valid", code="api_key_invalid")
