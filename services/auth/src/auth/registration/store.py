"""SQL of the first administrator."""

from common.persistence.transaction import Transaction

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('auth.first-admin', 0))"
HAS_ADMIN = "SELECT EXISTS (SELECT FROM account WHERE role = 'admin')"


async def lock_first_admin(tx: Transaction) -> None:
    """Serialise processes that start at the same time."""
    await tx.sql.execute(LOCK)


async def has_admin(tx: Transaction) -> bool:
    return bool(await tx.sql.fetchval(HAS_ADMIN))
