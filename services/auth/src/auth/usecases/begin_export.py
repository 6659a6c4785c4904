"""People ask for what is kept about them: every service is asked to seal its part for this one export."""

from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from uuid import UUID

from auth.domain.clients import Client
from auth.domain.exports import ASKED, DAY, MOST_PER_DAY, OWN, PATIENCE, sealed_name
from auth.usecases.collect_export import keep_part
from auth.usecases.gather_personal_data import KINDS
from auth.usecases.record_audit import record_audit
from auth.usecases.update_profile import locked_account
from auth.vault import Vault
from common import clock
from common.contracts.auth import ExportRequested
from common.data_export import collect_rows, pieces_of, purpose
from common.errors import RateLimited
from common.ids import new_id
from common.persistence.transaction import Transaction
from common.security.encryption import SealedBox

RUNNING = "SELECT id FROM export WHERE account_id = $1 AND state = 'gathering'"
RECENT = "SELECT created_at FROM export WHERE account_id = $1 AND created_at > $2 ORDER BY created_at"
END_FORMER = "UPDATE export SET state = 'ended', sealed_private = NULL WHERE account_id = $1 AND state <> 'ended'"
FORGET_FORMER = "DELETE FROM export_part USING export WHERE export_id = export.id AND account_id = $1"
INSERT = """
INSERT INTO export (id, account_id, services, sealed_private, created_at, due_at) VALUES ($1, $2, $3, $4, $5, $6)
"""


async def begin_export(tx: Transaction, account_id: UUID, client: Client, vault: Vault) -> None:
    """A new one in place of former ones; nothing when one is running. Raises RateLimited after MOST_PER_DAY."""
    await locked_account(tx, account_id)
    if await tx.sql.fetchval(RUNNING, account_id):
        return
    now = clock.now()
    await _check_rate(tx, account_id, now)
    await tx.sql.execute(END_FORMER, account_id)
    await tx.sql.execute(FORGET_FORMER, account_id)
    private, public = SealedBox.key_pair()
    request = ExportRequested(
        export_id=new_id(),
        user_id=account_id,
        public_key=urlsafe_b64encode(public).decode(),
        expires_at=now + PATIENCE,
    )
    sealed = vault.seal(private, sealed_name(request.export_id))
    await tx.sql.execute(INSERT, request.export_id, account_id, [OWN, *ASKED], sealed, now, request.expires_at)
    await record_audit(tx, "export", "requested", client, account_id=account_id)
    await _keep_own(tx, request.export_id, account_id, public)
    tx.publish(request)


async def _check_rate(tx: Transaction, account_id: UUID, now: datetime) -> None:
    recent = [row["created_at"] for row in await tx.sql.fetch(RECENT, account_id, now - DAY)]
    if len(recent) >= MOST_PER_DAY:
        wait: timedelta = recent[-MOST_PER_DAY] + DAY - now
        raise RateLimited(wait.total_seconds(), f"At most {MOST_PER_DAY} exports a day", code="too_many_exports")


async def _keep_own(tx: Transaction, export_id: UUID, account_id: UUID, public: bytes) -> None:
    """auth's own part needs no event."""
    pieces = pieces_of(await collect_rows(tx, account_id, KINDS))
    for number, piece in enumerate(pieces):
        sealed = SealedBox.close(public, piece, purpose(export_id, OWN, number, len(pieces)))
        await keep_part(tx, export_id, OWN, (number, len(pieces)), sealed)
