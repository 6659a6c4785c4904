"""Data exports: every service encrypts what it stores about a person for one export.

The parts arrive in any order and perhaps twice.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timedelta
from uuid import UUID

from auth.accounts.usecases import locked_account
from auth.audit.usecases import record_audit
from auth.clients import Client
from auth.data_export.domain import (
    DAY,
    DEADLINE,
    KEEP_FOR,
    MAX_PER_DAY,
    OTHER_SERVICES,
    OWN,
    READABLE_FOR,
    sealed_name,
)
from auth.data_export.store import (
    EXPORT_QUERIES,
    expire_exports,
    exports_since,
    finish_if_complete,
    insert_part,
    is_export_running,
    lock_awaiting_export,
    replace_export,
)
from auth.errors import TooManyExports
from auth.vault import Vault
from common import clock
from common.contracts.auth import ExportRequested
from common.contracts.data_export import DataExportPart
from common.data_export import MAX_PARTS, collect_rows, pieces_of, purpose
from common.ids import new_id
from common.persistence.transaction import Transaction
from common.security.encryption import SealedBox


async def start_export(tx: Transaction, account_id: UUID, client: Client, vault: Vault) -> None:
    """Replace earlier exports by a new one, unless one is running. Raises TooManyExports after MAX_PER_DAY."""
    await locked_account(tx, account_id)
    if await is_export_running(tx, account_id):
        return
    now = clock.now()
    await _check_rate(tx, account_id, now)
    private, public = SealedBox.key_pair()
    request = ExportRequested(
        export_id=new_id(),
        user_id=account_id,
        public_key=urlsafe_b64encode(public).decode(),
        expires_at=now + DEADLINE,
    )
    await replace_export(
        tx,
        account_id,
        export_id=request.export_id,
        services=[OWN, *OTHER_SERVICES],
        sealed_private=vault.seal(private, sealed_name(request.export_id)),
        created_at=now,
        due_at=request.expires_at,
    )
    await record_audit(tx, "export", "requested", client, account_id=account_id)
    await _store_own_parts(tx, request.export_id, account_id, public)
    tx.publish(request)


async def store_export_part(tx: Transaction, service: str, part: DataExportPart) -> None:
    """With the last part the export is ready. Parts that no export waits for are ignored."""
    if not 0 <= part.part < part.parts <= MAX_PARTS:
        return
    if await lock_awaiting_export(tx, part.export_id, part.user_id, service):
        sealed = urlsafe_b64decode(part.sealed)
        await insert_part(tx, part.export_id, service, part=part.part, parts=part.parts, sealed=sealed)
        await finish_if_complete(tx, part.export_id, clock.now())


async def end_exports(tx: Transaction) -> int:
    """Fail exports that are overdue; delete content, and later records, that are too old."""
    now = clock.now()
    return await expire_exports(tx, now, unreadable_before=now - READABLE_FOR, delete_before=now - KEEP_FOR)


async def _check_rate(tx: Transaction, account_id: UUID, now: datetime) -> None:
    recent = await exports_since(tx, account_id, now - DAY)
    if len(recent) >= MAX_PER_DAY:
        wait: timedelta = recent[-MAX_PER_DAY] + DAY - now
        raise TooManyExports(wait.total_seconds(), f"At most {MAX_PER_DAY} exports a day")


async def _store_own_parts(tx: Transaction, export_id: UUID, account_id: UUID, public: bytes) -> None:
    """Store the parts of auth itself; no event carries them."""
    pieces = pieces_of(await collect_rows(tx, account_id, EXPORT_QUERIES))
    for number, piece in enumerate(pieces):
        sealed = SealedBox.close(public, piece, purpose(export_id, OWN, number, len(pieces)))
        await insert_part(tx, export_id, OWN, part=number, parts=len(pieces), sealed=sealed)
