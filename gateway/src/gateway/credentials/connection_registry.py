"""Connections that stay open for a caller, and end when the caller's permission ends.

An API key or a login cookie stands behind a short-lived token. Such a connection stays open as long as the key or the
session is valid: auth is asked again before the token expires.
"""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from common import clock
from common.errors import DukanError, Unavailable
from common.security.revocations import RevocationList
from common.security.tokens import Identity
from gateway.http.context import Renew

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.25
"""Interval of checks: a connection ends within this time after the event arrives."""
RENEW_BEFORE_SECONDS = 4.0
"""Less than the margin with which `ApiKeyExchange` caches tokens, so that a renewal gets a new one."""
RETRY_SECONDS = 2.0
GRACE_SECONDS = 60.0
"""How long a connection stays open after its token expires while auth cannot be asked."""

Close = Callable[[str], None]


@dataclass(slots=True, eq=False)
class _OpenConnection:
    close: Close
    identity: Identity
    renew: Renew | None
    renew_at: float
    is_renewing: bool = False


class ConnectionRegistry:
    """`revoked` lists the sessions that ended."""

    def __init__(self, revoked: RevocationList) -> None:
        self._revoked = revoked
        self._just_revoked: set[UUID] = set()
        self._connections: set[_OpenConnection] = set()
        self._keys_withdrawn = False

    def __len__(self) -> int:
        return len(self._connections)

    @contextmanager
    def registered(self, identity: Identity | None, renew: Renew | None, close: Close) -> Iterator[None]:
        """While the block runs, call `close` (once, with the reason as a code) when the identity is no longer valid.

        `renew` extends the identity; None if its token is itself the credential.
        """
        if identity is None:
            yield
            return
        connection = _OpenConnection(close, identity, renew, identity.expires_at - RENEW_BEFORE_SECONDS)
        self._connections.add(connection)
        try:
            yield
        finally:
            self._connections.discard(connection)

    def on_session_revoked(self, session_id: UUID) -> None:
        """The revocation list drops a session once its last token has expired; a connection may be older than that."""
        self._just_revoked.add(session_id)

    def on_keys_withdrawn(self) -> None:
        """No token is trusted any more: connections with API keys and sessions are renewed, others end."""
        self._keys_withdrawn = True

    async def watch(self) -> None:
        """Check all connections until cancelled."""
        async with asyncio.TaskGroup() as renewals:
            while True:
                await asyncio.sleep(CHECK_SECONDS)
                self._check(renewals)

    def _check(self, renewals: asyncio.TaskGroup) -> None:
        now = clock.now().timestamp()
        for connection in list(self._connections):
            session_id = connection.identity.session_id
            if session_id in self._revoked or session_id in self._just_revoked:
                self._close(connection, "session_revoked")
            elif connection.renew is None:
                if connection.identity.expires_at <= now or self._keys_withdrawn:
                    self._close(connection, "token_invalid" if self._keys_withdrawn else "token_expired")
            elif (connection.renew_at <= now or self._keys_withdrawn) and not connection.is_renewing:
                connection.is_renewing = True
                renewals.create_task(self._renew(connection, connection.renew))
        self._just_revoked.clear()
        self._keys_withdrawn = False

    async def _renew(self, connection: _OpenConnection, renew: Renew) -> None:
        try:
            connection.identity = await renew()
        except Unavailable:
            self._close_after_grace(connection)
        except DukanError as error:
            self._close(connection, error.code)
        except Exception:
            # A malformed response, for example: one connection's failure must not stop the checks of the others.
            log.exception("the identity of an open connection could not be renewed")
            self._close_after_grace(connection)
        renew_at = connection.identity.expires_at - RENEW_BEFORE_SECONDS
        connection.renew_at = max(renew_at, clock.now().timestamp() + RETRY_SECONDS)
        connection.is_renewing = False

    def _close_after_grace(self, connection: _OpenConnection) -> None:
        if connection.identity.expires_at + GRACE_SECONDS <= clock.now().timestamp():
            self._close(connection, "token_expired")

    def _close(self, connection: _OpenConnection, reason: str) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            try:
                connection.close(reason)
            except Exception:
                # One failure must not keep the other connections open.
                log.exception("a connection could not be closed")
