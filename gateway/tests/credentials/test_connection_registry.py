"""Connections opened with API keys or cookies outlive their short tokens, and end with the key or the session."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fake_upstream import FakeUpstream, ReceivedRequest
from gateway_harness import RunningGateway, api_key_headers
from websocket_client import CLOSE_FRAME, EVENT_STREAM_HEAD, SOCKET, Socket, echo, socket

from common import clock
from common.contracts.auth import SessionRevoked, SigningKeysWithdrawn
from common.ids import new_id
from common.testing import TestIssuer, eventually
from gateway.credentials.api_keys import PATH as KEYS
from gateway.credentials.sessions import PATH as SESSIONS

SECONDS = 2


@pytest.fixture(autouse=True)
def short_times(upstream: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seconds instead of minutes."""
    monkeypatch.setattr("gateway.credentials.connection_registry.RENEW_BEFORE_SECONDS", 0.8)
    monkeypatch.setattr("gateway.credentials.connection_registry.RETRY_SECONDS", 0.1)
    monkeypatch.setattr("gateway.credentials.connection_registry.GRACE_SECONDS", 1.0)
    monkeypatch.setattr("gateway.credentials.authenticator.RENEWAL_SECONDS", SECONDS)
    upstream.scripts[SOCKET] = echo


class Auth:
    """A fake auth with one session. `reply` is its response: an empty body for success, None for 503."""

    def __init__(self, upstream: FakeUpstream, tokens: TestIssuer) -> None:
        self.session_id = new_id()
        self.reply: tuple[int, dict[str, Any]] | None = (200, {})
        self.calls = 0
        self._tokens = tokens
        upstream.scripts |= {KEYS: self._exchange, f"{SESSIONS}{self.session_id}": self._session}

    def token(self) -> str:
        return self._tokens.token(sid=str(self.session_id), exp=int(clock.now().timestamp()) + SECONDS)

    async def _exchange(self, request: ReceivedRequest) -> None:
        data = {"access_token": self.token(), "expires_in": SECONDS, "uses": None, "bound": False}
        await self._respond(request, {"data": data})

    async def _session(self, request: ReceivedRequest) -> None:
        await self._respond(request, {"data": {"is_live": True}})

    async def _respond(self, request: ReceivedRequest, success: dict[str, Any]) -> None:
        self.calls += 1
        await request.read_body()
        status, body = self.reply or (503, {"data": None})
        await request.respond(status, json.dumps(body or success).encode())

    async def was_called(self, times: int) -> bool:
        return self.calls >= times


@pytest.fixture
def auth(upstream: FakeUpstream, tokens: TestIssuer) -> Auth:
    return Auth(upstream, tokens)


def api_key(_: Auth) -> dict[str, str]:
    return api_key_headers()


def cookie(auth: Auth) -> dict[str, str]:
    return {"Cookie": f"dukan_access={auth.token()}"}


CREDENTIALS = pytest.mark.parametrize("credential", [api_key, cookie])


@CREDENTIALS
async def test_a_websocket_outlives_its_token_and_closes_with_the_session(
    gateway: RunningGateway, auth: Auth, credential: Any
) -> None:
    async with socket(gateway, **credential(auth)) as opened:
        assert await opened.frame() == (0x82, b"hello")
        await eventually(lambda: auth.was_called(4), within=20)
        assert await echoes(opened)
        # All tokens of the session have expired, so the list of revoked sessions drops it at once.
        gateway.transport.tell(ended(auth.session_id))
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31session_revoked")


async def test_a_rejected_key_closes_the_websocket_with_its_code(gateway: RunningGateway, auth: Auth) -> None:
    async with socket(gateway, **api_key(auth)) as opened:
        await opened.frame()
        auth.reply = (401, {"code": "api_key_expired", "message": "No"})
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31api_key_expired")


async def test_a_spent_daily_quota_does_not_close_the_websocket(gateway: RunningGateway, auth: Auth) -> None:
    async with socket(gateway, **api_key(auth)) as opened:
        await opened.frame()
        auth.reply = (429, {"code": "daily_limit_reached", "message": "No"})
        await eventually(lambda: auth.was_called(3), within=20)
        assert await echoes(opened)


async def test_a_session_that_is_no_longer_active_closes_the_websocket(gateway: RunningGateway, auth: Auth) -> None:
    async with socket(gateway, **cookie(auth)) as opened:
        await opened.frame()
        auth.reply = (200, {"data": {"is_live": False}})
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31session_ended")


@CREDENTIALS
async def test_a_websocket_stays_open_for_a_grace_period_while_auth_is_unavailable(
    gateway: RunningGateway, auth: Auth, credential: Any
) -> None:
    async with socket(gateway, **credential(auth)) as opened:
        await opened.frame()
        auth.reply = None
        await eventually(lambda: auth.was_called(3), within=20)
        auth.reply = (200, {})
        await eventually(lambda: auth.was_called(8), within=20)
        assert await echoes(opened)
        auth.reply = None
        assert await opened.frame() == (CLOSE_FRAME, b"\x11\x31token_expired")


async def test_a_malformed_renewal_closes_its_websocket_after_the_grace_period_only(
    gateway: RunningGateway, auth: Auth, tokens: TestIssuer
) -> None:
    other_session = new_id()
    async with (
        socket(gateway, **api_key(auth)) as own,
        socket(gateway, **tokens.bearer(sid=str(other_session))) as other,
    ):
        assert await own.frame() == await other.frame() == (0x82, b"hello")
        auth.reply = (200, {"nonsense": True})
        assert await own.frame() == (CLOSE_FRAME, b"\x11\x31token_expired")
        gateway.transport.tell(ended(other_session))
        assert await other.frame() == (CLOSE_FRAME, b"\x11\x31session_revoked")


async def test_withdrawn_signing_keys_close_token_connections_and_renew_sessions(
    gateway: RunningGateway, auth: Auth, tokens: TestIssuer
) -> None:
    later = int(clock.now().timestamp()) + 300
    forged = {"Cookie": f"dukan_access={tokens.token(sid=str(auth.session_id), exp=later)}"}
    async with socket(gateway, **tokens.bearer(exp=later)) as by_token, socket(gateway, **forged) as by_session:
        assert await by_token.frame() == await by_session.frame() == (0x82, b"hello")
        auth.reply = (200, {"data": {"is_live": False}})
        gateway.transport.tell(SigningKeysWithdrawn(active_key_id="new", key_ids=("leaked",)))
        assert await by_token.frame() == (CLOSE_FRAME, b"\x11\x31token_invalid")
        assert await by_session.frame() == (CLOSE_FRAME, b"\x11\x31session_ended")


async def test_an_event_stream_outlives_the_token(gateway: RunningGateway, auth: Auth, upstream: FakeUpstream) -> None:
    async def two_events(request: ReceivedRequest) -> None:
        request.writer.write(EVENT_STREAM_HEAD + b"9\r\ndata: 1\n\n\r\n")
        await eventually(lambda: auth.was_called(3), within=20)
        request.writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    upstream.scripts[SOCKET] = two_events
    response = await gateway.client.get(SOCKET, headers=api_key_headers())

    assert response.content == b"data: 1\n\ndata: 2\n\n"


async def echoes(opened: Socket) -> bool:
    opened.writer.write(b"\x82\x01x")
    return await opened.frame() == (0x82, b"x")


def ended(session_id: UUID) -> SessionRevoked:
    expired_at = clock.now() - timedelta(seconds=1)
    return SessionRevoked(session_id=session_id, user_id=new_id(), expires_at=expired_at, reason="logout")
