"""Connections that stay open for a caller: they end when the caller's right to them does."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from common import clock
from common.web.revocations import RevocationList
from common.web.tokens import Identity

EVERY = 0.25
"""Seconds between two looks: the end comes within this after the event was heard."""

End = Callable[[str], None]


class Held:
    """`revoked` holds the sessions that ended."""

    def __init__(self, revoked: RevocationList) -> None:
        self._revoked = revoked
        self._held: dict[End, Identity] = {}

    def __len__(self) -> int:
        return len(self._held)

    @contextmanager
    def holding(self, identity: Identity | None, end: End) -> Iterator[None]:
        """While the block runs, `end` is called (once, with the reason as a code) when the identity is good no more."""
        if identity is not None:
            self._held[end] = identity
        try:
            yield
        finally:
            self._held.pop(end, None)

    async def watch(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(EVERY)
            self.look()

    def look(self) -> None:
        now = clock.now().timestamp()
        for end, identity in list(self._held.items()):
            if identity.session_id in self._revoked:
                self._end(end, "session_revoked")
            elif identity.expires_at <= now:
                self._end(end, "token_expired")

    def _end(self, end: End, reason: str) -> None:
        del self._held[end]
        end(reason)
