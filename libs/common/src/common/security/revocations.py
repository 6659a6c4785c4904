"""Revoked sessions: their tokens are rejected although they have not expired yet.

Updated by SessionRevoked events and, because events missed while disconnected are lost, by a snapshot from auth at
start and every half minute: `{"data": [{"session_id", "expires_at"}]}`.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from common import clock
from common.contracts.auth import SessionRevoked
from common.security.fetch import Fetch


class RevocationList:
    """Session id → when its last token expires. `fetch` returns auth's snapshot, parsed."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._until: dict[UUID, datetime] = {}
        self.loaded = False

    def __contains__(self, session_id: UUID) -> bool:
        return session_id in self._until

    def __len__(self) -> int:
        return len(self._until)

    def revoke(self, session_id: UUID, expires_at: datetime) -> None:
        self._until[session_id] = max(expires_at, self._until.get(session_id, expires_at))

    def on_session_revoked(self, event: SessionRevoked) -> None:
        self.revoke(event.session_id, event.expires_at)

    async def load(self) -> None:
        """Merge auth's snapshot and drop expired entries. Raises if the snapshot cannot be fetched or read."""
        for session_id, expires_at in _entries(await self._fetch()):
            self.revoke(session_id, expires_at)
        self.loaded = True
        now = clock.now()
        self._until = {session_id: until for session_id, until in self._until.items() if until > now}


def _entries(snapshot: Any) -> list[tuple[UUID, datetime]]:
    listed = snapshot["data"] if isinstance(snapshot, Mapping) else snapshot
    return [(UUID(entry["session_id"]), datetime.fromisoformat(entry["expires_at"])) for entry in listed]
