"""Rotates or revokes an API key. Access tokens that were issued for the old secret are revoked with it."""

from datetime import timedelta
from hmac import compare_digest
from uuid import UUID

import asyncpg

from auth.api_keys import store
from auth.api_keys.domain import GeneratedApiKey, public_id_of
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.errors import ApiKeyAlreadyRevoked, ApiKeyInvalid, ApiKeyNotFound, TooManyAttempts
from auth.services import AuthServices
from auth.sessions.usecases.end_sessions import end_session
from auth.throttle.usecases import count_failure, request_limits, wait_of
from common import clock
from common.contracts.auth import ApiKeyRevoked, SessionRevoked
from common.persistence.transaction import Transaction


async def rotate_api_key(
    tx: Transaction,
    key_id: UUID,
    owner_id: UUID | None,
    overlap: timedelta,
    *,
    actor_id: UUID,
    client: Client,
    services: AuthServices,
) -> tuple[asyncpg.Record, str, list[SessionRevoked]]:
    """The row, its new text, and the session that ended, if one did.

    The former secret works for `overlap` longer; the one before it stops at once. Raises ApiKeyNotFound and
    ApiKeyAlreadyRevoked.
    """
    key = await _lock(tx, key_id, owner_id)
    if key["revoked_at"] is not None:
        raise ApiKeyAlreadyRevoked
    fresh = GeneratedApiKey.generate(key["public_id"])
    retired_until = clock.now() + overlap if overlap else None
    # Access tokens belong to the key, not to one of its secrets: to revoke those of the oldest, revoke them all.
    ends_a_secret = key["retired_hash"] is not None or retired_until is None
    ended = await _end_session(tx, key, "api_key_rotated") if ends_a_secret else []
    row = await store.rotate(tx, key_id, services.vault.api_key_digest(fresh.text), retired_until)
    await _record(tx, "rotate_api_key", key, actor_id, client)
    return row, fresh.text, ended


async def revoke_api_key(
    tx: Transaction, key_id: UUID, owner_id: UUID | None, *, actor_id: UUID, client: Client
) -> tuple[asyncpg.Record, list[SessionRevoked]]:
    """Idempotent. With `owner_id`, the key must be this account's. Raises ApiKeyNotFound."""
    key = await _lock(tx, key_id, owner_id)
    if key["revoked_at"] is not None:
        return key, []
    row = await store.revoke(tx, key_id)
    ended = await _end_session(tx, key, "api_key_revoked")
    tx.publish(ApiKeyRevoked(api_key_id=key_id, user_id=key["account_id"], public_id=key["public_id"]))
    await _record(tx, "revoke_api_key", key, actor_id, client)
    return row, ended


async def revoke_presented_key(
    tx: Transaction, text: str, client: Client, services: AuthServices
) -> list[SessionRevoked]:
    """Possession of the key is enough to revoke it: for its owner's script, or for someone who found it.

    Failures count per address. Raises ApiKeyInvalid and TooManyAttempts.
    """
    public_id = public_id_of(text)
    limits = request_limits("revoke_api_key", public_id or "", client.address, services.per_address)
    if wait := await wait_of(tx, limits):
        raise TooManyAttempts(wait)
    key = await store.find_by_public_id(tx, public_id) if public_id else None
    if key is None or not _is_secret_of(key, services.vault.api_key_digest(text)):
        await count_failure(tx, limits)
        if key is not None:
            ids = {"account_id": key["account_id"], "key": public_id}
            await record_audit(tx, "revoke_api_key", "wrong_secret", client, **ids)
        raise ApiKeyInvalid
    _, ended = await revoke_api_key(tx, key["id"], None, actor_id=key["account_id"], client=client)
    return ended


def _is_secret_of(key: asyncpg.Record, digest: bytes) -> bool:
    """The current secret, or the one before the last rotation while it works."""
    retired_until = key["retired_until"]
    is_retired = retired_until is not None and clock.now() < retired_until
    return compare_digest(digest, key["hash"]) or (is_retired and compare_digest(digest, key["retired_hash"]))


async def _lock(tx: Transaction, key_id: UUID, owner_id: UUID | None) -> asyncpg.Record:
    key = await store.lock(tx, key_id, owner_id)
    if key is None:
        raise ApiKeyNotFound
    return key


async def _end_session(tx: Transaction, key: asyncpg.Record, reason: str) -> list[SessionRevoked]:
    return await end_session(tx, key["session_id"], reason) if key["session_id"] else []


async def _record(tx: Transaction, action: str, key: asyncpg.Record, actor_id: UUID, client: Client) -> None:
    ids = {"account_id": key["account_id"], "actor_id": actor_id}
    await record_audit(tx, action, "succeeded", client, **ids, key=key["public_id"])
