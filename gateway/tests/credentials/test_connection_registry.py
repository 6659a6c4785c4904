"""What is held open for a key or for cookies outlives their short tokens, and ends with the key or the session."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from common import clock
from common.contracts.auth import SessionRevoked, SigningKeysWithdrawn
from common.ids import new_id
from common.testing import TestIssuer, eventually
from gateway.credentials.api_keys import PATH as KEYS
from gateway.credentials.sessions import PATH as SESSIONS

from ..conftest import RunningGateway
from ..upstream import FakeUpstream, ReceivedRequest
from ..websocket import CLOSE_FRAME, EVENT_STREAM_HEAD, SOCKET, Socket, echo, socket
from .test_api_keys import api_key_headers

SECONDS = 2


@pytest.fixture(autouse=True)
def hurry(upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in seconds instead of minutes."""
    monkeypatch.setattr("gateway.credentials.connection_registry.RENEW_BEFORE_SECONDS", 0.8)
    monkeypatch.setattr("gateway.credentials.connection_registry.RETRY_SECONDS", 0.1)
    monkeypatch.setattr("gateway.credentials.connection_registry.GRACE_SECONDS", 1.0)
    monkeypatch.setattr("gateway.credentials.authenticator.RENEWAL_SECONDS", SECONDS)
    upstream.scripts[SOCKET] = echo


class Auth:
    """auth's side, for one session: `says` is what it responses, None for nothing that helps."""

    def __init__(self, upstream: FakeUpstream, tokens: TestIssuer) -> None:
        self.session_id = new_id()
        self.says: tuple[int, dict[str, Any]] | None = (200, {})
        self.asked = 0
        self._tokens = tokens
        upstream.scripts |= {KEYS: self._exchange, f"{SESSIONS}{self.session_id}": self._session}

    def token(self) -> str:
        return self._tokens.token(sid=str(self.session_id), exp=int(clock.now().timestamp()) + SECONDS)

    async def _exchange(self, request: ReceivedRequest) -> None:
        given = {"access_token": self.token(), "expires_in": SECONDS, "uses": None, "bound": False}
        await self._answer(request, {"data": given})

    async def _session(self, request: ReceivedRequest) -> None:
        await self._answer(request, {"data": {"is_live": True}})

    async def _answer(self, request: ReceivedRequest, good: dict[str, Any]) -> None:
        self.asked += 1
        await request.read_body()
        status, said = self.says or (503, {"data": None})
        await request.respond(status, json.dumps(said or good).encode())

    async def was_asked(self, times: int) -> bool:
        return self.asked >= times


@pytest.fixture
def auth(upstream: FakeUpstream, tokens: TestIssuer) -> Auth:
    return Auth(upstream, tokens)


def by_key(_: Auth) -> dict[str, str]:
    return api_key_headers()


def by_cookie(auth: Auth) -> dict[str, str]:
    return {"Cookie": f"dukan_access={auth.token()}"}


WAYS = pytest.mark.parametrize("way", [by_key, by_cookie])


@WAYS
async def test_a_websocket_outlives_its_token_and_closes_with_the_session(
    gateway: RunningGateway, auth: Auth, way: Any
) -> None:
    async with socket(gateway, **way(auth)) as opened:
        assert await opened.frame() == (0x82, b"hello")
        await eventually(lambda: auth.was_asked(4), within=20)
        assert await echoes(opened)
        # The last token was over when it ended, and no list of revoked sessions knows it for long.
        gateway.transport.tell(ended(auth.session_id))
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31session_revoked")


async def test_a_rejected_key_closes_the_websocket_with_its_code(gateway: RunningGateway, auth: Auth) -> None:
    async with socket(gateway, **by_key(auth)) as opened:
        await opened.frame()
        auth.says = (401, {"code": "api_key_expired", "message": "No"})
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31api_key_expired")


async def test_a_spent_daily_quota_does_not_close_the_websocket(gateway: RunningGateway, auth: Auth) -> None:
    async with socket(gateway, **by_key(auth)) as opened:
        await opened.frame()
        auth.says = (429, {"code": "daily_limit_reached", "message": "No"})
        await eventually(lambda: auth.was_asked(3), within=20)
        assert await echoes(opened)


async def test_a_session_that_is_no_longer_active_closes_the_websocket(gateway: RunningGateway, auth: Auth) -> None:
    async with socket(gateway, **by_cookie(auth)) as opened:
        await opened.frame()
        auth.says = (200, {"data": {"is_live": False}})
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31session_ended")


@WAYS
async def test_a_websocket_stays_open_for_a_grace_period_while_auth_is_unavailable(
    gateway: RunningGateway, auth: Auth, way: Any
) -> None:
    async with socket(gateway, **way(auth)) as opened:
        await opened.frame()
        auth.says = None
        await eventually(lambda: auth.was_asked(3), within=20)
        auth.says = (200, {})
        await eventually(lambda: auth.was_asked(8), within=20)
        assert await echoes(opened)
        auth.says = None
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31token_expired")


async def test_a_malformed_renewal_closes_its_websocket_after_the_grace_period_only(
    gateway: RunningGateway, auth: Auth, tokens: TestIssuer
) -> None:
    other = new_id()
    async with socket(gateway, **by_key(auth)) as mine, socket(gateway, **tokens.bearer(sid=str(other))) as others:
        assert await mine.frame() == await others.frame() == (0x82, b"hello")
        auth.says = (200, {"nonsense": True})
        assert await mine.frame() == (CLOSE_FRAME, b"\x11\x31token_expired")
        gateway.transport.tell(ended(other))
        assert await others.frame() == (CLOSE_FRAME, b"\x11\x31session_revoked")


async def test_withdrawn_signing_keys_close_token_connections_and_renew_sessions(
    gateway: RunningGateway, auth: Auth, tokens: TestIssuer
) -> None:
    later = int(clock.now().timestamp()) + 300
    forged = {"Cookie": f"dukan_access={tokens.token(sid=str(auth.session_id), exp=later)}"}
    async with socket(gateway, **tokens.bearer(exp=later)) as by_token, socket(gateway, **forged) as by_session:
        assert await by_token.frame() == await by_session.frame() == (0x82, b"hello")
        auth.says = (200, {"data": {"is_live": False}})
        gateway.transport.tell(SigningKeysWithdrawn(active_key_id="new", key_ids=("leaked",)))
        assert await by_token.frame() == (CLOSE_FRAME, b"\x11\x31token_invalid")
        assert await by_session.frame() == (CLOSE_FRAME, b"\x11\x31session_ended")


async def test_an_event_stream_outlives_the_token(gateway: RunningGateway, auth: Auth, upstream: FakeUpstream) -> None:
    async def two_events(request: ReceivedRequest) -> None:
        request.writer.write(EVENT_STREAM_HEAD + b"9\r\ndata: 1\n\n\r\n")
        await eventually(lambda: auth.was_asked(3), within=20)
        request.writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    upstream.scripts[SOCKET] = two_events
    response = await gateway.client.get(SOCKET, headers=api_key_headers())

    assert response.content == b"data: 1\n\ndata: 2\n\n"


async def echoes(opened: Socket) -> bool:
    opened.writer.write(b"\x82\x01x")
    return await opened.frame() == (0x82, b"x")


def ended(session_id: UUID) -> SessionRevoked:
    over = clock.now() - timedelta(seconds=1)
    return SessionRevoked(session_id=session_id, user_id=new_id(), expires_at=over, reason="logout")
