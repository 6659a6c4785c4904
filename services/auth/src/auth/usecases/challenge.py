"""Challenges for authenticators: each is answered once, for the purpose and by the account that it was made for."""

import secrets
from hashlib import sha256
from uuid import UUID

from auth.clients import Client, neighbourhood
from auth.domain.passkeys import CHALLENGE_BYTES, CHALLENGE_LASTS, MOST_OPEN, ChallengePurpose
from common import clock
from common.errors import RateLimited
from common.persistence.transaction import Transaction

OPEN = "SELECT count(*), min(expires_at) AS first_ends FROM passkey_challenge WHERE place = $1 AND expires_at > $2"
STORE = """
INSERT INTO passkey_challenge (hash, purpose, account_id, place, expires_at) VALUES ($1, $2, $3, $4, $5)
"""
SPEND = """
DELETE FROM passkey_challenge
WHERE hash = $1 AND purpose = $2 AND account_id IS NOT DISTINCT FROM $3 AND expires_at > $4 RETURNING 1
"""


async def make_challenge(tx: Transaction, purpose: ChallengePurpose, client: Client, account_id: UUID | None) -> bytes:
    """`account_id` is None for a sign-in, where nobody is known yet. Raises RateLimited for an address with too many.

    Requests made at once may each see room: the bound is exceeded by as many at most.
    """
    now, place = clock.now(), neighbourhood(client.address)
    waiting = await tx.sql.fetchrow(OPEN, place, now)
    if waiting["count"] >= MOST_OPEN:
        seconds = (waiting["first_ends"] - now).total_seconds()
        raise RateLimited(seconds, "Too many passkeys were asked for from here", code="too_many_challenges")
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    await tx.sql.execute(STORE, _digest(challenge), purpose, account_id, place, now + CHALLENGE_LASTS)
    return challenge


async def spend_challenge(
    tx: Transaction, challenge: bytes, purpose: ChallengePurpose, account_id: UUID | None
) -> bool:
    """Whether it was waiting for this. It is not any more, whatever comes of the answer."""
    return await tx.sql.fetchval(SPEND, _digest(challenge), purpose, account_id, clock.now()) is not None


def _digest(challenge: bytes) -> bytes:
    return sha256(challenge).digest()
