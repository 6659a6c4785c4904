"""The signing keys' rotation, without a moment in which a good token is refused."""

from datetime import datetime

from auth.domain.keyring import KNOWN_AFTER, OVERLAP, State, is_due
from auth.providers.signing import generate
from auth.providers.vault import Vault
from common import clock
from common.contracts.auth import SigningKeysWithdrawn
from common.errors import Conflict
from common.persistence.transaction import Transaction

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('auth.signing-keys', 0))"
ACTIVE = "SELECT kid, sealed_private, activated_at FROM signing_key WHERE state = 'active'"
RETIRE = "UPDATE signing_key SET state = 'retired', retired_at = $1 WHERE state = 'active'"
PROMOTE = "UPDATE signing_key SET state = 'active', activated_at = $1 WHERE state = 'next'"
FORGET = "DELETE FROM signing_key WHERE state = 'retired' AND retired_at < $1"
WITHDRAW = "DELETE FROM signing_key RETURNING kid"
INSERT = """
INSERT INTO signing_key (kid, public_key, sealed_private, state, created_at, activated_at)
VALUES ($1, $2, $3, $4, $5, $6)
"""


async def ensure_keys(tx: Transaction, vault: Vault) -> None:
    """Make the first keys, or check that the secret opens the present one. Raises CannotUnsealError."""
    await tx.sql.execute(LOCK)
    active = await tx.sql.fetchrow(ACTIVE)
    if active is not None:
        vault.unseal(active["sealed_private"], active["kid"])
        return
    now = clock.now()
    await _add(tx, vault, "active", now)
    await _add(tx, vault, "next", now)


async def rotate_keys(tx: Transaction, vault: Vault) -> None:
    """active → retired, next → active, and a new next. Tokens of the retired key stay good."""
    await tx.sql.execute(LOCK)
    now = clock.now()
    await tx.sql.execute(RETIRE, now)
    await tx.sql.execute(PROMOTE, now)
    await _add(tx, vault, "next", now)
    await tx.sql.execute(FORGET, now - OVERLAP)


async def rotate_when_due(tx: Transaction, vault: Vault) -> bool:
    """Rotate once the active key has signed for its time."""
    await tx.sql.execute(LOCK)
    active = await tx.sql.fetchrow(ACTIVE)
    if active is None or not is_due(active["activated_at"], clock.now()):
        return False
    await rotate_keys(tx, vault)
    return True


async def rotate_on_demand(tx: Transaction, vault: Vault) -> None:
    """Raises Conflict when the next key is so new that verifiers may not know it yet."""
    await tx.sql.execute(LOCK)
    published = await tx.sql.fetchval("SELECT created_at FROM signing_key WHERE state = 'next'")
    if clock.now() < published + KNOWN_AFTER:
        raise Conflict("The next key was published a moment ago, try again in a minute", code="rotated_just_now")
    await rotate_keys(tx, vault)


async def withdraw_keys(tx: Transaction, vault: Vault) -> list[str]:
    """New keys in place of all that there are, which sign and verify nothing any more; their ids."""
    await tx.sql.execute(LOCK)
    withdrawn = [row["kid"] for row in await tx.sql.fetch(WITHDRAW)]
    now = clock.now()
    active = await _add(tx, vault, "active", now)
    await _add(tx, vault, "next", now)
    tx.publish(SigningKeysWithdrawn(active_key_id=active, key_ids=tuple(withdrawn)))
    return withdrawn


async def _add(tx: Transaction, vault: Vault, state: State, now: datetime) -> str:
    """Its id."""
    key = generate()
    sealed = vault.seal(key.private, key.kid)
    await tx.sql.execute(INSERT, key.kid, key.public, sealed, state, now, now if state == "active" else None)
    return key.kid
