"""Avatars: one per account, published to auth; a new one replaces the former."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from services.catalog.tests.conftest import data, problem
from services.catalog.tests.media.uploads import (
    files_in,
    image_file,
    open_image,
    process_images,
    processed,
    run_job,
    upload_own,
)

from common.contracts.catalog import AvatarChanged
from common.ids import new_id
from common.testing import TestIssuer, facts
from common.web.service import Service

AVATAR = "/api/v1/auth/me/avatar"


@pytest.fixture
def user_id() -> UUID:
    return new_id()


@pytest.fixture
def person(tokens: TestIssuer, user_id: UUID) -> dict[str, str]:
    return tokens.bearer(user_id)


async def put(client: httpx.AsyncClient, who: dict[str, str], content: bytes | None = None) -> httpx.Response:
    return await client.put(AVATAR, files={"file": ("me.jpg", content or image_file((300, 200)))}, headers=who)


async def avatar_events(catalog: Service) -> list[tuple[UUID, str | None]]:
    """(user, avatar) in the order in which AvatarChanged was published."""
    events = await facts(catalog.database, AvatarChanged)
    return [(event.user_id, str(event.media_id) if event.media_id else None) for event in events]


async def test_an_avatar_is_a_private_picture_and_published_when_it_is_ready(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID
) -> None:
    media = data(await put(client, person), 202)
    assert (media["visibility"], media["is_avatar"], media["state"]) == ("private", True, "pending")
    assert await avatar_events(catalog) == []
    image = await processed(catalog, client, person, media["id"])
    assert await avatar_events(catalog) == [(user_id, media["id"])]
    assert open_image(await client.get(image["variants"]["medium"])).size == (300, 200)
    assert (await client.get(f"/api/v1/media/{media['id']}/medium")).status_code == 404


async def test_the_former_avatar_stays_until_the_next_one_is_ready(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    first = await processed(catalog, client, person, data(await put(client, person), 202)["id"])
    never_shown = data(await put(client, person), 202)
    second = data(await put(client, person), 202)
    assert open_image(await client.get(first["url"]))
    problem(await client.get(f"/api/v1/media/{never_shown['id']}", headers=person), 404, "not_found")
    image = await processed(catalog, client, person, second["id"])
    problem(await client.get(f"/api/v1/media/{first['id']}", headers=person), 404, "not_found")
    assert await avatar_events(catalog) == [(user_id, first["id"]), (user_id, second["id"])]
    assert open_image(await client.get(image["url"]))
    await run_job(catalog, "catalog.discarded")
    problem(await client.get(first["url"]), 404, "not_found")
    assert {path.parent.name for path in files_in(tmp_path)} == {second["id"]}


async def test_deleting_an_avatar_ends_its_urls_at_once(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    image = await processed(catalog, client, person, data(await put(client, person), 202)["id"])
    assert (await client.delete(AVATAR, headers=person)).status_code == 204
    problem(await client.get(image["url"]), 404, "not_found")
    assert await avatar_events(catalog) == [(user_id, image["id"]), (user_id, None)]
    assert (await client.delete(AVATAR, headers=person)).status_code == 204
    assert len(await avatar_events(catalog)) == 2
    assert not files_in(tmp_path)


async def test_an_avatar_deleted_before_it_was_ready_is_never_published(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], tmp_path: Path
) -> None:
    data(await put(client, person), 202)
    assert (await client.delete(AVATAR, headers=person)).status_code == 204
    await process_images(catalog)
    assert await avatar_events(catalog) == []
    assert not files_in(tmp_path)


@pytest.mark.parametrize("role", ["customer", "staff"])
async def test_an_avatar_can_be_deleted_like_any_picture_and_the_change_is_published(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID, role: str, tokens: TestIssuer
) -> None:
    image = await processed(catalog, client, person, data(await put(client, person), 202)["id"])
    remover = person if role == "customer" else tokens.bearer(roles=[role])
    assert (await client.delete(f"/api/v1/media/{image['id']}", headers=remover)).status_code == 204
    assert await avatar_events(catalog) == [(user_id, image["id"]), (user_id, None)]


async def test_a_damaged_avatar_is_rejected_with_a_reason_and_the_former_one_stays(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID
) -> None:
    first = await processed(catalog, client, person, data(await put(client, person), 202)["id"])
    for _ in range(2):
        damaged = data(await put(client, person, image_file(kind="PNG")[:-40]), 202)
        await process_images(catalog)
    seen = data(await client.get(f"/api/v1/media/{damaged['id']}", headers=person))
    assert (seen["state"], seen["reason"]) == ("rejected", "the picture is damaged")
    assert await avatar_events(catalog) == [(user_id, first["id"])]
    assert open_image(await client.get(first["url"]))


async def test_of_concurrent_avatars_the_one_published_last_remains(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    jobs = [job for job in catalog.jobs if job.name in {"catalog.pictures", "catalog.discarded"}] * 3
    choices: list[Any] = [put(client, person) for _ in range(6)]
    answers = await asyncio.gather(*choices[:3], *(job.run() for job in jobs), *choices[3:])
    assert {answer.status_code for answer in answers if isinstance(answer, httpx.Response)} == {202}
    await process_images(catalog)
    for job in jobs:
        await job.run()
    [avatar] = [each for each in data(await client.get("/api/v1/media", headers=person)) if each["is_avatar"]]
    assert (await avatar_events(catalog))[-1] == (user_id, avatar["id"])
    assert {path.parent.name for path in files_in(tmp_path)} == {avatar["id"]}


async def test_setting_and_deleting_an_avatar_leaves_other_pictures_alone(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str]
) -> None:
    avatar = await upload_own(client, person)
    data(await put(client, person), 202)
    assert (await client.delete(AVATAR, headers=person)).status_code == 204
    assert [each["id"] for each in data(await client.get("/api/v1/media", headers=person))] == [avatar["id"]]


async def test_api_keys_and_anonymous_callers_cannot_change_an_avatar(
    client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    by_key = tokens.bearer(scope="write")
    problem(await put(client, by_key), 403, "insufficient_scope")
    problem(await client.delete(AVATAR, headers=by_key), 403, "insufficient_scope")
    problem(await put(client, {}), 401, "unauthenticated")
    problem(await client.delete(AVATAR), 401, "unauthenticated")
    problem(await put(client, tokens.bearer(), b"<svg/>"), 415, "unsupported_image", "file")
