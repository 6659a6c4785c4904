"""Addresses of those who want to hear of the opening."""

from auth.domain.clients import Client
from auth.domain.throttle import Policy
from auth.usecases.request_limits import request_limits, too_often
from auth.usecases.throttle import count_failure
from common import clock
from common.errors import RateLimited
from common.ids import new_id
from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO pre_registration (id, email, first_name, last_name, created_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (email) DO NOTHING
"""
TAKEN = "SELECT EXISTS (SELECT FROM account WHERE email = $1)"


async def pre_register(
    tx: Transaction, email: str, first_name: str, last_name: str, *, client: Client, per_address: Policy
) -> RateLimited | None:
    """Once per address; nobody learns whether it was there already."""
    wait = await count_failure(tx, request_limits("pre_register", email, client.address, per_address))
    if wait:
        return too_often(wait)
    await tx.sql.execute(INSERT, new_id(), email, first_name, last_name, clock.now())
    return None


async def check_email(tx: Transaction, email: str, client: Client, per_address: Policy) -> bool | RateLimited:
    """Whether an account could be made with this address."""
    wait = await count_failure(tx, request_limits("check_email", email, client.address, per_address))
    return too_often(wait) if wait else not await tx.sql.fetchval(TAKEN, email)
