"""Avatars: set by catalog's events, shown by a signed URL."""

import itertools
from datetime import timedelta
from typing import Any
from uuid import UUID

from services.auth.tests.harness import AuthApi, data

from auth.accounts.domain import AVATAR_VARIANT
from common import clock
from common.clock import FixedClock
from common.contracts.catalog import AvatarChanged
from common.ids import new_id
from common.security.media_urls import MediaUrls, path_of
from common.testing import cloud_event_of, deliver


async def choose(api: AuthApi, user_id: str, media_id: UUID | None) -> None:
    await deliver(api.service, AvatarChanged(user_id=UUID(user_id), media_id=media_id))


async def shown(api: AuthApi, tokens: Any) -> Any:
    return data(await api.get("/auth/me", tokens))["avatar_url"]


def opens(api: AuthApi, url: str, media_id: UUID) -> bool:
    """Whether catalog, which is given the same secret, would show the picture."""
    path, _, query = url.partition("?")
    given = dict(pair.split("=") for pair in query.split("&"))
    assert path == path_of(media_id, AVATAR_VARIANT)
    urls: MediaUrls = api.services.media_urls
    return urls.seconds_left(media_id, AVATAR_VARIANT, given["expires"], given["signature"]) > 0


async def test_an_avatar_is_in_every_view_of_the_user(api: AuthApi) -> None:
    tokens, media_id = await api.signed_in(), new_id()
    user = tokens["user"]
    assert user["avatar_url"] is None
    await choose(api, user["id"], media_id)
    url = await shown(api, tokens)
    assert opens(api, url, media_id)
    admin = await api.admin()
    again = data(await api.login(user["email"]))
    answers = [
        again["user"],
        data(await api.refresh(again["refresh_token"]))["user"],
        data(await api.patch("/auth/me", {"city": "Mwanza"}, tokens)),
        data(await api.get(f"/users/{user['id']}", admin)),
        *(row for row in data(await api.get("/users", admin)) if row["id"] == user["id"]),
    ]
    assert [answer["avatar_url"] for answer in answers] == [url] * 5
    assert data(await api.get("/auth/me", admin))["avatar_url"] is None


async def test_a_name_that_contains_the_url_placeholder_is_unchanged(api: AuthApi) -> None:
    tokens, media_id = await api.signed_in(), new_id()
    data(await api.patch("/auth/me", {"first_name": '"avatar_url":null'}, tokens))
    await choose(api, tokens["user"]["id"], media_id)
    me = data(await api.get("/auth/me", tokens))
    assert me["first_name"] == '"avatar_url":null'
    assert opens(api, me["avatar_url"], media_id)


async def test_the_avatar_url_changes_every_hour(api: AuthApi, time: FixedClock) -> None:
    into_the_hour = timedelta(minutes=clock.now().minute, seconds=clock.now().second)
    time.advance(timedelta(hours=1) - into_the_hour)
    tokens, media_id = await api.signed_in(), new_id()
    await choose(api, tokens["user"]["id"], media_id)
    first = await shown(api, tokens)
    time.advance(timedelta(minutes=59))
    tokens = data(await api.refresh(tokens["refresh_token"]))
    assert await shown(api, tokens) == first
    time.advance(timedelta(minutes=2))
    assert await shown(api, tokens) != first
    assert opens(api, first, media_id)


async def test_out_of_order_avatar_events_leave_the_latest(api: AuthApi) -> None:
    first, second = new_id(), new_id()
    for order in itertools.permutations(range(3)):
        tokens = await api.signed_in()
        user_id = UUID(tokens["user"]["id"])
        events = [cloud_event_of(AvatarChanged(user_id=user_id, media_id=media)) for media in (first, None, second)]
        for position in order:
            await deliver(api.service, events[position])
        assert opens(api, await shown(api, tokens), second)


async def test_a_removed_avatar_is_no_longer_shown(api: AuthApi) -> None:
    tokens = await api.signed_in()
    await choose(api, tokens["user"]["id"], new_id())
    await choose(api, tokens["user"]["id"], None)
    assert await shown(api, tokens) is None


async def test_staff_see_the_avatar_of_a_deleted_account(api: AuthApi) -> None:
    admin, tokens, media_id = await api.admin(), await api.signed_in(), new_id()
    path = f"/users/{tokens['user']['id']}"
    await choose(api, tokens["user"]["id"], media_id)
    data(await api.act(f"{path}/deactivate", admin))
    assert (await api.get("/auth/me", tokens)).status_code == 401
    assert opens(api, data(await api.get(path, admin))["avatar_url"], media_id)


async def test_a_late_avatar_event_does_not_change_an_erased_account(api: AuthApi, time: FixedClock) -> None:
    tokens = await api.signed_in()
    user_id = tokens["user"]["id"]
    await choose(api, user_id, new_id())
    late = cloud_event_of(AvatarChanged(user_id=UUID(user_id), media_id=new_id()))
    path = f"/api/v1/users/{user_id}"
    admin = await api.admin()
    headers = {"Authorization": f"Bearer {admin['access_token']}"}
    data(await api.http.delete(path, headers=headers))
    time.advance(timedelta(days=31))
    [job] = [job for job in api.service.jobs if job.name == "auth.erase"]
    assert await job.run() == 1
    await deliver(api.service, late)
    admin = await api.admin()
    assert data(await api.get(f"/users/{user_id}", admin))["avatar_url"] is None


async def test_an_avatar_event_of_an_unknown_user_is_ignored(api: AuthApi) -> None:
    await choose(api, str(new_id()), new_id())
    assert await api.rows("SELECT FROM account WHERE avatar_id IS NOT NULL") == []
