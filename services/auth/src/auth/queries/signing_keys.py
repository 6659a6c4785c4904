"""The keys that tokens are signed with."""

from typing import Any

import asyncpg

from auth.domain.keyring import OVERLAP
from auth.providers.signing import as_jwk
from common import clock
from common.persistence.transaction import Transaction

KEYS = """
SELECT kid, public_key FROM signing_key WHERE state <> 'retired' OR retired_at >= $1 ORDER BY created_at DESC, kid
"""
SIGNING_KEYS = "SELECT kid, state, created_at, activated_at, retired_at FROM signing_key ORDER BY created_at DESC, kid"


async def key_set(tx: Transaction) -> dict[str, Any]:
    """The JWKS (RFC 7517): what signs, what will sign next, and what signed tokens that may still be alive."""
    keys = await tx.sql.fetch(KEYS, clock.now() - OVERLAP)
    return {"keys": [as_jwk(key["kid"], key["public_key"]) for key in keys]}


async def signing_keys(tx: Transaction) -> list[asyncpg.Record]:
    """Every key that is kept, the newest first, without its private part."""
    rows: list[asyncpg.Record] = await tx.sql.fetch(SIGNING_KEYS)
    return rows
