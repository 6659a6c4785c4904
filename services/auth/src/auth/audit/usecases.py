"""The audit log of attempted actions. It never contains a secret: no password, token or code."""

import json
from datetime import timedelta
from uuid import UUID

from auth.audit.store import delete_entries_before, insert_entry
from auth.clients import Client
from common import clock
from common.persistence.transaction import Transaction


async def record_audit(
    tx: Transaction,
    action: str,
    outcome: str,
    client: Client | None = None,
    *,
    account_id: UUID | None = None,
    actor_id: UUID | None = None,
    session_id: UUID | None = None,
    **detail: object,
) -> None:
    """`action` is what was attempted (`sign_in`), `outcome` its result (`succeeded`, `wrong_password`, …)."""
    origin = (client.address, client.user_agent, client.request_id) if client else (None, None, None)
    ids = (account_id, actor_id, session_id)
    await insert_entry(tx, (clock.now(), action, outcome, *ids, *origin, json.dumps(detail)))


async def purge_audit(tx: Transaction, keep: timedelta) -> int:
    """One batch; returns how many entries were deleted."""
    return await delete_entries_before(tx, clock.now() - keep)
