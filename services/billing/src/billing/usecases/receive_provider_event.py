"""Keep what a provider told us, once."""

from datetime import datetime

from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO provider_event (provider, external_id, type, payload, received_at, next_attempt_at)
VALUES ($1, $2, $3, $4, $5, $5) ON CONFLICT (provider, external_id) DO NOTHING
"""


async def receive_provider_event(
    tx: Transaction, *, provider: str, external_id: str, event_type: str, payload: bytes, now: datetime
) -> None:
    """A verified event; a duplicate leaves the first as it is."""
    await tx.sql.execute(INSERT, provider, external_id, event_type, payload, now)
