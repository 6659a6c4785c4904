"""What catalog says of people's pictures is what accounts show, by a URL of the hour."""

import itertools
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.auth.tests.harness import Door, data

from auth.accounts.domain import AVATAR_VARIANT
from common import clock
from common.clock import FixedClock
from common.contracts.catalog import AvatarChanged
from common.ids import new_id
from common.security.media_urls import MediaUrls, path_of
from common.testing import cloud_event_of, deliver


async def choose(door: Door, user_id: str, media_id: UUID | None) -> None:
    await deliver(door.service, AvatarChanged(user_id=UUID(user_id), media_id=media_id))


async def shown(door: Door, tokens: Any) -> Any:
    return data(await door.get("/auth/me", tokens))["avatar_url"]


def opens(door: Door, url: str, media_id: UUID) -> bool:
    """Whether catalog, which is given the same secret, would show the picture."""
    path, _, query = url.partition("?")
    given = dict(pair.split("=") for pair in query.split("&"))
    assert path == path_of(media_id, AVATAR_VARIANT)
    urls: MediaUrls = door.identification.media_urls
    return urls.seconds_left(media_id, AVATAR_VARIANT, given["expires"], given["signature"]) > 0


async def test_an_avatar_is_shown_wherever_the_person_is(door: Door) -> None:
    tokens, media_id = await door.signed_in(), new_id()
    user = tokens["user"]
    assert user["avatar_url"] is None
    await choose(door, user["id"], media_id)
    url = await shown(door, tokens)
    assert opens(door, url, media_id)
    admin = await door.admin()
    again = data(await door.login(user["email"]))
    answers = [
        again["user"],
        data(await door.refresh(again["refresh_token"]))["user"],
        data(await door.patch("/auth/me", {"city": "Mwanza"}, tokens)),
        data(await door.get(f"/users/{user['id']}", admin)),
        *(row for row in data(await door.get("/users", admin)) if row["id"] == user["id"]),
    ]
    assert [answer["avatar_url"] for answer in answers] == [url] * 5
    assert data(await door.get("/auth/me", admin))["avatar_url"] is None


async def test_a_text_that_looks_like_the_place_of_the_url_stays_a_text(door: Door) -> None:
    tokens, media_id = await door.signed_in(), new_id()
    data(await door.patch("/auth/me", {"first_name": '"avatar_url":null'}, tokens))
    await choose(door, tokens["user"]["id"], media_id)
    me = data(await door.get("/auth/me", tokens))
    assert me["first_name"] == '"avatar_url":null'
    assert opens(door, me["avatar_url"], media_id)


async def test_the_url_stays_for_an_hour_and_is_another_in_the_next(door: Door, time: FixedClock) -> None:
    into_the_hour = timedelta(minutes=clock.now().minute, seconds=clock.now().second)
    time.advance(timedelta(hours=1) - into_the_hour)
    tokens, media_id = await door.signed_in(), new_id()
    await choose(door, tokens["user"]["id"], media_id)
    first = await shown(door, tokens)
    time.advance(timedelta(minutes=59))
    tokens = data(await door.refresh(tokens["refresh_token"]))
    assert await shown(door, tokens) == first
    time.advance(timedelta(minutes=2))
    assert await shown(door, tokens) != first
    assert opens(door, first, media_id)


async def test_news_that_overtake_each_other_leave_what_was_said_last(door: Door) -> None:
    first, second = new_id(), new_id()
    for order in itertools.permutations(range(3)):
        tokens = await door.signed_in()
        user_id = UUID(tokens["user"]["id"])
        said = [cloud_event_of(AvatarChanged(user_id=user_id, media_id=media)) for media in (first, None, second)]
        for position in order:
            await deliver(door.service, said[position])
        assert opens(door, await shown(door, tokens), second)


async def test_a_picture_taken_away_is_shown_no_more(door: Door) -> None:
    tokens = await door.signed_in()
    await choose(door, tokens["user"]["id"], new_id())
    await choose(door, tokens["user"]["id"], None)
    assert await shown(door, tokens) is None


async def test_staff_still_see_the_picture_of_an_account_that_is_closed(door: Door) -> None:
    admin, tokens, media_id = await door.admin(), await door.signed_in(), new_id()
    path = f"/users/{tokens['user']['id']}"
    await choose(door, tokens["user"]["id"], media_id)
    data(await door.act(f"{path}/deactivate", admin))
    assert (await door.get("/auth/me", tokens)).status_code == 401
    assert opens(door, data(await door.get(path, admin))["avatar_url"], media_id)


async def test_an_erased_account_shows_no_picture_even_when_one_is_reported_late(door: Door, time: FixedClock) -> None:
    tokens = await door.signed_in()
    user_id = tokens["user"]["id"]
    await choose(door, user_id, new_id())
    late = cloud_event_of(AvatarChanged(user_id=UUID(user_id), media_id=new_id()))
    path = f"/api/v1/users/{user_id}"
    admin = await door.admin()
    headers = {"Authorization": f"Bearer {admin['access_token']}"}
    data(await door.http.delete(path, headers=headers))
    time.advance(timedelta(days=31))
    [job] = [job for job in door.service.jobs if job.name == "auth.erase"]
    assert await job.run() == 1
    await deliver(door.service, late)
    admin = await door.admin()
    assert data(await door.get(f"/users/{user_id}", admin))["avatar_url"] is None


async def test_news_of_somebody_unknown_are_taken_and_change_nothing(door: Door) -> None:
    await choose(door, str(new_id()), new_id())
    assert await door.rows("SELECT FROM account WHERE avatar_id IS NOT NULL") == []
