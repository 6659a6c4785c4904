"""Connections that stay open for a caller: they end when the caller's right to them does.

Behind an API key or a login cookie stands a short token; they go on for as long as key or session do, by asking auth
again before it ends.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from common import clock
from common.errors import DukanError, Unavailable
from common.security.revocations import RevocationList
from common.security.tokens import Identity

log = logging.getLogger(__name__)

EVERY = 0.25
"""Seconds between two looks: the end comes within this after the event was heard."""
BEFORE = 4.0
"""Seconds before a token ends from which another is asked for: then no kept one is given any more (see `ApiKeys`)."""
AGAIN_AFTER = 2.0
GRACE = 60.0
"""Seconds for which a connection goes on although auth could not be asked."""

End = Callable[[str], None]
Renewal = Callable[[], Awaitable[Identity]]


@dataclass(slots=True, eq=False)
class _Hold:
    end: End
    identity: Identity
    renewal: Renewal | None
    renew_at: float
    is_asking: bool = False


class Held:
    """`revoked` holds the sessions that ended."""

    def __init__(self, revoked: RevocationList) -> None:
        self._revoked = revoked
        self._just_ended: set[UUID] = set()
        self._held: set[_Hold] = set()
        self._are_keys_withdrawn = False

    def __len__(self) -> int:
        return len(self._held)

    @contextmanager
    def holding(self, identity: Identity | None, renewal: Renewal | None, end: End) -> Iterator[None]:
        """While the block runs, `end` is called (once, with the reason as a code) when the identity is good no more.

        `renewal` gives it for longer; None where the token itself is the credential.
        """
        if identity is None:
            yield
            return
        hold = _Hold(end, identity, renewal, identity.expires_at - BEFORE)
        self._held.add(hold)
        try:
            yield
        finally:
            self._held.discard(hold)

    def on_revoked(self, session_id: UUID) -> None:
        """The list forgets a session whose last token is over; what it held open may be older than that."""
        self._just_ended.add(session_id)

    def on_keys_withdrawn(self) -> None:
        """No token that is held by can be trusted: those of keys and sessions are asked for anew, others end."""
        self._are_keys_withdrawn = True

    async def watch(self) -> None:
        """Look again and again."""
        async with asyncio.TaskGroup() as asking:
            while True:
                await asyncio.sleep(EVERY)
                self._look(asking)

    def _look(self, asking: asyncio.TaskGroup) -> None:
        now = clock.now().timestamp()
        for hold in list(self._held):
            session_id = hold.identity.session_id
            if session_id in self._revoked or session_id in self._just_ended:
                self._end(hold, "session_revoked")
            elif hold.renewal is None:
                if hold.identity.expires_at <= now or self._are_keys_withdrawn:
                    self._end(hold, "token_invalid" if self._are_keys_withdrawn else "token_expired")
            elif (hold.renew_at <= now or self._are_keys_withdrawn) and not hold.is_asking:
                hold.is_asking = True
                asking.create_task(self._renew(hold, hold.renewal))
        self._just_ended.clear()
        self._are_keys_withdrawn = False

    async def _renew(self, hold: _Hold, renewal: Renewal) -> None:
        try:
            hold.identity = await renewal()
        except Unavailable:
            self._end_after_grace(hold)
        except DukanError as refusal:
            self._end(hold, refusal.code)
        except Exception:
            # Such as an answer that is none: whatever it is about one, the others are watched on.
            log.exception("a connection's right to stay could not be renewed")
            self._end_after_grace(hold)
        hold.renew_at = max(hold.identity.expires_at - BEFORE, clock.now().timestamp() + AGAIN_AFTER)
        hold.is_asking = False

    def _end_after_grace(self, hold: _Hold) -> None:
        if hold.identity.expires_at + GRACE <= clock.now().timestamp():
            self._end(hold, "token_expired")

    def _end(self, hold: _Hold, reason: str) -> None:
        if hold in self._held:
            self._held.remove(hold)
            try:
                hold.end(reason)
            except Exception:
                # One that cannot be ended must not keep the others open.
                log.exception("a connection could not be ended")
