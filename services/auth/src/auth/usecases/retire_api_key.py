"""An API key's secret is replaced, or the key is revoked. What was signed for it ends with it."""

from datetime import timedelta
from hmac import compare_digest
from uuid import UUID

import asyncpg

from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.domain.api_keys import NewKey, public_id_of
from auth.errors import TooManyAttempts
from auth.providers.vault import Vault
from auth.sessions.usecases.end_sessions import end_session
from auth.throttle.domain import Policy
from auth.throttle.usecases import count_failure, request_limits, wait_of
from common import clock
from common.contracts.auth import ApiKeyRevoked, SessionRevoked
from common.errors import Conflict, DukanError, NotFound, Unauthenticated
from common.persistence.transaction import Transaction

FIND = "SELECT * FROM api_key WHERE id = $1 AND ($2::uuid IS NULL OR account_id = $2) FOR UPDATE"
NAMED = "SELECT * FROM api_key WHERE public_id = $1"
ROTATE = """
UPDATE api_key SET hash = $2, retired_hash = CASE WHEN $3::timestamptz IS NULL THEN NULL ELSE hash END,
    retired_until = $3
WHERE id = $1 RETURNING *
"""
REVOKE = """
UPDATE api_key SET revoked_at = $2, retired_hash = NULL, retired_until = NULL WHERE id = $1 RETURNING *
"""


async def rotate_api_key(
    tx: Transaction,
    key_id: UUID,
    owner_id: UUID | None,
    overlap: timedelta,
    *,
    actor_id: UUID,
    client: Client,
    vault: Vault,
) -> tuple[asyncpg.Record, str, list[SessionRevoked]]:
    """The row and its new text; the old one is good for `overlap` more. A second rotation ends what the first left."""
    key = await _locked(tx, key_id, owner_id)
    if key["revoked_at"] is not None:
        raise Conflict("The key has been revoked", code="api_key_revoked")
    fresh = NewKey.generate(key["public_id"])
    until = clock.now() + overlap if overlap else None
    # Passes are signed for the key, not for one of its secrets: to end what the older one got, end them all.
    is_cut = key["retired_hash"] is not None or until is None
    ended = await end_session(tx, key["session_id"], "api_key_rotated") if is_cut and key["session_id"] else []
    row = await tx.sql.fetchrow(ROTATE, key_id, vault.api_key_digest(fresh.text), until)
    await _record(tx, "rotate_api_key", key, actor_id, client)
    return row, fresh.text, ended


async def revoke_api_key(
    tx: Transaction, key_id: UUID, owner_id: UUID | None, *, actor_id: UUID, client: Client
) -> tuple[asyncpg.Record, list[SessionRevoked]]:
    """For good; once more changes nothing. `owner_id` restricts it to somebody's own. Raises NotFound."""
    key = await _locked(tx, key_id, owner_id)
    if key["revoked_at"] is not None:
        return key, []
    row = await tx.sql.fetchrow(REVOKE, key_id, clock.now())
    ended = await end_session(tx, key["session_id"], "api_key_revoked") if key["session_id"] else []
    tx.publish(ApiKeyRevoked(api_key_id=key_id, user_id=key["account_id"], public_id=key["public_id"]))
    await _record(tx, "revoke_api_key", key, actor_id, client)
    return row, ended


async def revoke_shown_key(
    tx: Transaction, text: str, *, client: Client, vault: Vault, per_address: Policy
) -> list[SessionRevoked] | DukanError:
    """By whoever has the key, its owner's script or somebody who found it: nothing else need be proved to end it.

    Refusals are returned, not raised, and counted per address.
    """
    public_id = public_id_of(text)
    limits = request_limits("revoke_api_key", public_id or "", client.address, per_address)
    if wait := await wait_of(tx, limits):
        return TooManyAttempts(wait)
    key = await tx.sql.fetchrow(NAMED, public_id) if public_id else None
    if key is None or not _is_secret_of(key, vault.api_key_digest(text)):
        await count_failure(tx, limits)
        if key is not None:
            ids = {"account_id": key["account_id"], "key": public_id}
            await record_audit(tx, "revoke_api_key", "wrong_secret", client, **ids)
        return Unauthenticated("The API key is not valid", code="api_key_invalid")
    return (await revoke_api_key(tx, key["id"], None, actor_id=key["account_id"], client=client))[1]


def _is_secret_of(key: asyncpg.Record, digest: bytes) -> bool:
    """The current one, or that before the last rotation while it works."""
    retired_until = key["retired_until"]
    is_retired = retired_until is not None and clock.now() < retired_until
    return compare_digest(digest, key["hash"]) or (is_retired and compare_digest(digest, key["retired_hash"]))


async def _locked(tx: Transaction, key_id: UUID, owner_id: UUID | None) -> asyncpg.Record:
    key = await tx.sql.fetchrow(FIND, key_id, owner_id)
    if key is None:
        raise NotFound("There is no such API key", code="api_key_not_found")
    return key


async def _record(tx: Transaction, action: str, key: asyncpg.Record, actor_id: UUID, client: Client) -> None:
    ids = {"account_id": key["account_id"], "actor_id": actor_id}
    await record_audit(tx, action, "succeeded", client, **ids, key=key["public_id"])
