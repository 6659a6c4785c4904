"""A person's picture, from the upload at the gateway to the profile that shows it, and what is left once it is gone."""

from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from common.testing import eventually

from .pictures import picture
from .platform import API, Customer, Platform


@pytest.fixture
async def person(platform: Platform) -> Customer:
    return await platform.customer()


async def avatar_of(person: Customer, former: str | None = None) -> str:
    """The URL that the profile shows, once it is another than the former."""

    async def shown() -> Any:
        url = (await person.data("/auth/me"))["avatar_url"]
        return url if url != former else None

    return str(await eventually(shown, within=20))


async def choose(person: Customer, size: tuple[int, int] = (800, 600)) -> str:
    """The id of the new avatar."""
    answer = await person.upload("PUT", "/auth/me/avatar", picture(size))
    assert answer.status_code == 202, answer.text
    return str(answer.json()["data"]["id"])


async def as_browsers_do(platform: Platform, url: str) -> httpx.Response:
    """By its address alone: an <img> sends no token."""
    return await platform.http.get(url)


async def test_an_avatar_is_readable_by_its_signed_url_until_it_is_removed(
    platform: Platform, person: Customer
) -> None:
    media_id = await choose(person)
    url = await avatar_of(person)
    assert f"/media/{media_id}/" in url
    answer = await as_browsers_do(platform, url)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/webp")
    assert Image.open(BytesIO(answer.content)).size == (600, 450)
    assert answer.headers["cache-control"].startswith("private, max-age=")
    assert (await as_browsers_do(platform, url.partition("?")[0])).status_code == 404
    assert (await as_browsers_do(platform, url.replace("signature=", "signature=A")[:-1])).status_code == 403
    admin = await platform.admin()
    assert (await admin.data(f"/users/{person.id}"))["avatar_url"] == url
    assert (await person.delete("/auth/me/avatar")).status_code == 204
    assert (await as_browsers_do(platform, url)).status_code == 404

    async def gone() -> bool:
        return (await person.data("/auth/me"))["avatar_url"] is None

    await eventually(gone, within=20)


async def test_a_new_avatar_replaces_the_previous_one(platform: Platform, person: Customer) -> None:
    await choose(person)
    former = await avatar_of(person)
    await choose(person, (300, 300))
    latter = await avatar_of(person, former)
    assert Image.open(BytesIO((await as_browsers_do(platform, latter)).content)).size == (300, 300)

    async def gone() -> bool:
        return (await as_browsers_do(platform, former)).status_code == 404

    await eventually(gone, within=20)


async def test_a_closed_account_changes_no_avatar_and_staff_still_see_it(platform: Platform, person: Customer) -> None:
    await choose(person)
    url = await avatar_of(person)
    admin = await platform.admin()
    assert (await admin.post(f"/users/{person.id}/deactivate")).status_code == 200

    async def refused() -> bool:
        return (await person.upload("PUT", "/auth/me/avatar", picture())).status_code == 401

    await eventually(refused, within=5)
    assert (await admin.data(f"/users/{person.id}"))["avatar_url"] == url
    assert (await as_browsers_do(platform, url)).status_code == 200


async def test_the_document_lists_the_avatar_and_the_media(platform: Platform) -> None:
    paths = (await platform.http.get("/openapi.json")).json()["paths"]
    assert {"put", "delete"} <= paths[f"{API}/auth/me/avatar"].keys()
    assert {"get", "post"} <= paths[f"{API}/media"].keys()
    assert {"get", "delete"} <= paths[f"{API}/media/{{media_id}}"].keys()
