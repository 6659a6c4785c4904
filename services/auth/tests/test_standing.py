"""Whether a session goes on: what the gateway asks for connections that outlive a token."""

from services.auth.tests.harness import Door, claims, data

from common.ids import new_id


async def is_live(door: Door, session_id: str) -> bool:
    return bool(data(await door.http.get(f"/internal/sessions/{session_id}"))["is_live"])


async def test_a_session_goes_on_until_it_is_ended(door: Door) -> None:
    mine = await door.signed_in()
    session_id = str(claims(mine)["sid"])
    assert await is_live(door, session_id)

    await door.act("/auth/logout", mine, {})
    assert not await is_live(door, session_id)


async def test_one_that_never_was_does_not(door: Door) -> None:
    assert not await is_live(door, str(new_id()))
