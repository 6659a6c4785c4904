"""Rotates and revokes the signing keys, so that a valid token is accepted at every moment of a rotation."""

from datetime import datetime
from typing import Any

from auth.errors import NoSigningKey, RotatedJustNow
from auth.signing_keys import store
from auth.signing_keys.domain import MIN_PUBLISHED, KeyState, is_rotation_due
from auth.signing_keys.providers.signer import Signer, as_jwk, generate_key_pair
from auth.vault import Vault
from common import clock
from common.contracts.auth import SigningKeysWithdrawn
from common.persistence.transaction import Transaction

__all__ = [
    "Signer",
    "ensure_keys",
    "key_set",
    "load_active_key",
    "revoke_keys",
    "rotate_if_due",
    "rotate_keys",
    "rotate_on_demand",
]


async def ensure_keys(tx: Transaction, vault: Vault) -> None:
    """Create the first keys, or check that the secret decrypts the present one. Raises CannotUnsealError."""
    await store.lock(tx)
    active = await store.find_active(tx)
    if active is not None:
        vault.unseal(active["sealed_private"], active["kid"])
        return
    now = clock.now()
    await _create_key(tx, vault, "active", now)
    await _create_key(tx, vault, "next", now)


async def load_active_key(tx: Transaction, signer: Signer) -> None:
    """Give the signer the active key if its own is stale: a process follows a rotation within seconds.

    Raises NoSigningKey.
    """
    if not signer.is_stale:
        return
    key = await store.find_active(tx)
    if key is None:
        raise NoSigningKey
    signer.load(key["kid"], key["sealed_private"])


async def rotate_keys(tx: Transaction, vault: Vault) -> None:
    """active → retired, next → active, and a new next. Tokens of the retired key stay valid."""
    await store.lock(tx)
    now = clock.now()
    await store.advance(tx, now)
    await _create_key(tx, vault, "next", now)


async def rotate_if_due(tx: Transaction, vault: Vault) -> bool:
    """Whether the active key was old enough to be rotated."""
    await store.lock(tx)
    active = await store.find_active(tx)
    if active is None or not is_rotation_due(active["activated_at"], clock.now()):
        return False
    await rotate_keys(tx, vault)
    return True


async def rotate_on_demand(tx: Transaction, vault: Vault) -> None:
    """Raises RotatedJustNow if the next key is so new that verifiers may not know it yet."""
    await store.lock(tx)
    if clock.now() < await store.next_created_at(tx) + MIN_PUBLISHED:
        raise RotatedJustNow
    await rotate_keys(tx, vault)


async def revoke_keys(tx: Transaction, vault: Vault) -> list[str]:
    """Replace all keys at once, because they may have leaked; returns the ids of the revoked ones."""
    await store.lock(tx)
    revoked = await store.delete_all(tx)
    now = clock.now()
    active = await _create_key(tx, vault, "active", now)
    await _create_key(tx, vault, "next", now)
    tx.publish(SigningKeysWithdrawn(active_key_id=active, key_ids=tuple(revoked)))
    return revoked


async def key_set(tx: Transaction) -> dict[str, Any]:
    """The JWKS (RFC 7517): the active and the next key, and retired ones whose tokens may still be valid."""
    return {"keys": [as_jwk(key["kid"], key["public_key"]) for key in await store.published_keys(tx)]}


async def _create_key(tx: Transaction, vault: Vault, state: KeyState, now: datetime) -> str:
    """The id of the new key."""
    key = generate_key_pair()
    await store.insert(tx, key, vault.seal(key.private, key.kid), state, now)
    return key.kid
