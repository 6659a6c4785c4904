"""The first administrator, made at start when there is none. Later starts change nothing."""

import logging

from sqlmodel import select

from auth.domain.identifiers import normalised_email
from auth.tables import Account
from auth.usecases.announce import registered
from auth.usecases.record_audit import record_audit
from common import clock
from common.errors import Conflict
from common.persistence.transaction import Transaction

log = logging.getLogger(__name__)

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('auth.first-admin', 0))"


async def has_admin(tx: Transaction) -> bool:
    return bool(await tx.sql.fetchval("SELECT EXISTS (SELECT FROM account WHERE role = 'admin')"))


async def ensure_admin(tx: Transaction, email: str, password_hash: str) -> None:
    """Raises Conflict when a customer has the address: its owner must not become admin by that."""
    await tx.sql.execute(LOCK)
    if await has_admin(tx):
        return
    address, now = normalised_email(email), clock.now()
    if (await tx.session.exec(select(Account.id).where(Account.email == address))).first() is not None:
        raise Conflict("A customer has the address of DUKAN_ADMIN_EMAIL, choose another", code="admin_email_taken")
    admin = Account(email=address, password_hash=password_hash, role="admin", created_at=now, updated_at=now)
    admin.email_confirmed = True
    tx.add(admin)
    await tx.flush()
    tx.publish(registered(admin))
    await record_audit(tx, "change_role", "admin", account_id=admin.id, before=None)
    log.info("the first admin is %s", address)
