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
from gateway.api_keys import PATH as KEYS
from gateway.sessions import PATH as SESSIONS

from .behind import Behind, Seen
from .conftest import Door
from .test_api_keys import using
from .test_sockets import CLOSED, EVENTS, SOCKET, Socket, echo, socket

SECONDS = 2


@pytest.fixture(autouse=True)
def hurry(behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in seconds instead of minutes."""
    monkeypatch.setattr("gateway.held.BEFORE", 0.8)
    monkeypatch.setattr("gateway.held.AGAIN_AFTER", 0.1)
    monkeypatch.setattr("gateway.held.GRACE", 1.0)
    monkeypatch.setattr("gateway.identity.STANDS_FOR", SECONDS)
    behind.scripts[SOCKET] = echo


class Auth:
    """auth's side, for one session: `says` is what it answers, None for nothing that helps."""

    def __init__(self, behind: Behind, tokens: TestIssuer) -> None:
        self.session_id = new_id()
        self.says: tuple[int, dict[str, Any]] | None = (200, {})
        self.asked = 0
        self._tokens = tokens
        behind.scripts |= {KEYS: self._exchange, f"{SESSIONS}{self.session_id}": self._session}

    def token(self) -> str:
        return self._tokens.token(sid=str(self.session_id), exp=int(clock.now().timestamp()) + SECONDS)

    async def _exchange(self, seen: Seen) -> None:
        given = {"access_token": self.token(), "expires_in": SECONDS, "uses": None, "bound": False}
        await self._answer(seen, {"data": given})

    async def _session(self, seen: Seen) -> None:
        await self._answer(seen, {"data": {"is_live": True}})

    async def _answer(self, seen: Seen, good: dict[str, Any]) -> None:
        self.asked += 1
        await seen.read_body()
        status, said = self.says or (503, {"data": None})
        await seen.answer(status, json.dumps(said or good).encode())

    async def was_asked(self, times: int) -> bool:
        return self.asked >= times


@pytest.fixture
def auth(behind: Behind, tokens: TestIssuer) -> Auth:
    return Auth(behind, tokens)


def by_key(_: Auth) -> dict[str, str]:
    return using()


def by_cookie(auth: Auth) -> dict[str, str]:
    return {"Cookie": f"dukan_access={auth.token()}"}


WAYS = pytest.mark.parametrize("way", [by_key, by_cookie])


@WAYS
async def test_it_outlives_the_token_and_ends_at_once_with_the_session(door: Door, auth: Auth, way: Any) -> None:
    async with socket(door, **way(auth)) as opened:
        assert await opened.frame() == (0x82, b"hello")
        await eventually(lambda: auth.was_asked(4), within=20)
        assert await echoes(opened)
        # The last token was over when it ended, and no list of revoked sessions knows it for long.
        door.transport.tell(ended(auth.session_id))
        assert await opened.frame() == (CLOSED, b"\x11\x31session_revoked")


async def test_a_key_that_is_refused_ends_it_with_the_reason(door: Door, auth: Auth) -> None:
    async with socket(door, **by_key(auth)) as opened:
        await opened.frame()
        auth.says = (401, {"code": "api_key_expired", "message": "No"})
        assert await opened.frame() == (CLOSED, b"\x11\x31api_key_expired")


async def test_a_key_whose_requests_of_today_are_spent_keeps_it_open(door: Door, auth: Auth) -> None:
    async with socket(door, **by_key(auth)) as opened:
        await opened.frame()
        auth.says = (429, {"code": "daily_limit_reached", "message": "No"})
        await eventually(lambda: auth.was_asked(3), within=20)
        assert await echoes(opened)


async def test_a_session_that_auth_knows_no_more_ends_it(door: Door, auth: Auth) -> None:
    async with socket(door, **by_cookie(auth)) as opened:
        await opened.frame()
        auth.says = (200, {"data": {"is_live": False}})
        assert await opened.frame() == (CLOSED, b"\x11\x31session_ended")


@WAYS
async def test_while_auth_is_away_it_goes_on_for_a_while_and_no_longer(door: Door, auth: Auth, way: Any) -> None:
    async with socket(door, **way(auth)) as opened:
        await opened.frame()
        auth.says = None
        await eventually(lambda: auth.was_asked(3), within=20)
        auth.says = (200, {})
        await eventually(lambda: auth.was_asked(8), within=20)
        assert await echoes(opened)
        auth.says = None
        assert await opened.frame() == (CLOSED, b"\x11\x31token_expired")


async def test_an_answer_that_is_none_ends_that_one_in_time_and_leaves_the_others_watched(
    door: Door, auth: Auth, tokens: TestIssuer
) -> None:
    other = new_id()
    async with socket(door, **by_key(auth)) as mine, socket(door, **tokens.bearer(sid=str(other))) as others:
        assert await mine.frame() == await others.frame() == (0x82, b"hello")
        auth.says = (200, {"nonsense": True})
        assert await mine.frame() == (CLOSED, b"\x11\x31token_expired")
        door.transport.tell(ended(other))
        assert await others.frame() == (CLOSED, b"\x11\x31session_revoked")


async def test_withdrawn_signing_keys_end_what_a_token_opened_and_have_sessions_asked_for_anew(
    door: Door, auth: Auth, tokens: TestIssuer
) -> None:
    later = int(clock.now().timestamp()) + 300
    forged = {"Cookie": f"dukan_access={tokens.token(sid=str(auth.session_id), exp=later)}"}
    async with socket(door, **tokens.bearer(exp=later)) as by_token, socket(door, **forged) as by_session:
        assert await by_token.frame() == await by_session.frame() == (0x82, b"hello")
        auth.says = (200, {"data": {"is_live": False}})
        door.transport.tell(SigningKeysWithdrawn(active_key_id="new", key_ids=("leaked",)))
        assert await by_token.frame() == (CLOSED, b"\x11\x31token_invalid")
        assert await by_session.frame() == (CLOSED, b"\x11\x31session_ended")


async def test_a_stream_of_events_outlives_the_token_as_well(door: Door, auth: Auth, behind: Behind) -> None:
    async def two_events(seen: Seen) -> None:
        seen.writer.write(EVENTS + b"9\r\ndata: 1\n\n\r\n")
        await eventually(lambda: auth.was_asked(3), within=20)
        seen.writer.write(b"9\r\ndata: 2\n\n\r\n0\r\n\r\n")

    behind.scripts[SOCKET] = two_events
    answer = await door.client.get(SOCKET, headers=using())

    assert answer.content == b"data: 1\n\ndata: 2\n\n"


async def echoes(opened: Socket) -> bool:
    opened.writer.write(b"\x82\x01x")
    return await opened.frame() == (0x82, b"x")


def ended(session_id: UUID) -> SessionRevoked:
    over = clock.now() - timedelta(seconds=1)
    return SessionRevoked(session_id=session_id, user_id=new_id(), expires_at=over, reason="logout")
