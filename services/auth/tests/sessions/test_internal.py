"""GET /internal/sessions: the gateway asks it for connections that outlive a token."""

from services.auth.tests.harness import AuthApi, claims, data

from common.ids import new_id


async def is_live(api: AuthApi, session_id: str) -> bool:
    return bool(data(await api.http.get(f"/internal/sessions/{session_id}"))["is_live"])


async def test_a_session_is_live_until_it_ends(api: AuthApi) -> None:
    mine = await api.signed_in()
    session_id = str(claims(mine)["sid"])
    assert await is_live(api, session_id)

    await api.act("/auth/logout", mine, {})
    assert not await is_live(api, session_id)


async def test_an_unknown_session_is_not_live(api: AuthApi) -> None:
    assert not await is_live(api, str(new_id()))
