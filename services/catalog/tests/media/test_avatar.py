"""The picture of whoever is signed in: one is shown, auth is told which, and the former one is gone."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from services.catalog.tests.conftest import data, problem
from services.catalog.tests.media.uploads import files_in, image_file, open_image, process_images, processed, upload_own

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
    """Whose avatar is which, in the order in which auth hears it."""
    events = await facts(catalog.database, AvatarChanged)
    return [(event.user_id, str(event.media_id) if event.media_id else None) for event in events]


async def test_an_avatar_is_a_private_picture_and_announced_once_it_can_be_shown(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID
) -> None:
    media = data(await put(client, person), 202)
    assert (media["visibility"], media["is_avatar"], media["state"]) == ("private", True, "pending")
    assert await avatar_events(catalog) == []
    shown = await processed(catalog, client, person, media["id"])
    assert await avatar_events(catalog) == [(user_id, media["id"])]
    assert open_image(await client.get(shown["variants"]["medium"])).size == (300, 200)
    assert (await client.get(f"/api/v1/media/{media['id']}/medium")).status_code == 404


async def test_the_former_one_is_shown_until_the_next_is_ready_and_then_gone(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    first = await processed(catalog, client, person, data(await put(client, person), 202)["id"])
    never_shown = data(await put(client, person), 202)
    second = data(await put(client, person), 202)
    assert open_image(await client.get(first["url"]))
    problem(await client.get(f"/api/v1/media/{never_shown['id']}", headers=person), 404, "not_found")
    shown = await processed(catalog, client, person, second["id"])
    problem(await client.get(f"/api/v1/media/{first['id']}", headers=person), 404, "not_found")
    assert await avatar_events(catalog) == [(user_id, first["id"]), (user_id, second["id"])]
    assert open_image(await client.get(shown["url"]))
    [discarding] = [job for job in catalog.jobs if job.name == "catalog.discarded"]
    await discarding.run()
    problem(await client.get(first["url"]), 404, "not_found")
    assert {path.parent.name for path in files_in(tmp_path)} == {second["id"]}


async def test_taken_away_it_is_gone_at_once_with_its_urls(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    shown = await processed(catalog, client, person, data(await put(client, person), 202)["id"])
    assert (await client.delete(AVATAR, headers=person)).status_code == 204
    problem(await client.get(shown["url"]), 404, "not_found")
    assert await avatar_events(catalog) == [(user_id, shown["id"]), (user_id, None)]
    assert (await client.delete(AVATAR, headers=person)).status_code == 204
    assert len(await avatar_events(catalog)) == 2
    assert not files_in(tmp_path)


async def test_taken_away_before_it_was_ready_it_is_never_announced(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], tmp_path: Path
) -> None:
    data(await put(client, person), 202)
    assert (await client.delete(AVATAR, headers=person)).status_code == 204
    await process_images(catalog)
    assert await avatar_events(catalog) == []
    assert not files_in(tmp_path)


@pytest.mark.parametrize("role", ["customer", "staff"])
async def test_an_avatar_can_be_taken_away_as_any_picture_and_auth_hears_of_it(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID, role: str, tokens: TestIssuer
) -> None:
    shown = await processed(catalog, client, person, data(await put(client, person), 202)["id"])
    remover = person if role == "customer" else tokens.bearer(roles=[role])
    assert (await client.delete(f"/api/v1/media/{shown['id']}", headers=remover)).status_code == 204
    assert await avatar_events(catalog) == [(user_id, shown["id"]), (user_id, None)]


async def test_a_damaged_picture_leaves_the_former_avatar_and_says_why(
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


async def test_of_many_choices_at_once_one_is_shown_and_it_is_the_one_announced_last(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str], user_id: UUID, tmp_path: Path
) -> None:
    jobs = [job for job in catalog.jobs if job.name in {"catalog.pictures", "catalog.discarded"}] * 3
    choices: list[Any] = [put(client, person) for _ in range(6)]
    answers = await asyncio.gather(*choices[:3], *(job.run() for job in jobs), *choices[3:])
    assert {answer.status_code for answer in answers if isinstance(answer, httpx.Response)} == {202}
    await process_images(catalog)
    for job in jobs:
        await job.run()
    [kept] = [each for each in data(await client.get("/api/v1/media", headers=person)) if each["is_avatar"]]
    assert (await avatar_events(catalog))[-1] == (user_id, kept["id"])
    assert {path.parent.name for path in files_in(tmp_path)} == {kept["id"]}


async def test_avatars_do_not_count_among_what_a_person_keeps_and_do_not_touch_it(
    catalog: Service, client: httpx.AsyncClient, person: dict[str, str]
) -> None:
    kept = await upload_own(client, person)
    data(await put(client, person), 202)
    assert (await client.delete(AVATAR, headers=person)).status_code == 204
    assert [each["id"] for each in data(await client.get("/api/v1/media", headers=person))] == [kept["id"]]


async def test_an_avatar_is_changed_in_person_only(client: httpx.AsyncClient, tokens: TestIssuer) -> None:
    by_key = tokens.bearer(scope="write")
    problem(await put(client, by_key), 403, "insufficient_scope")
    problem(await client.delete(AVATAR, headers=by_key), 403, "insufficient_scope")
    problem(await put(client, {}), 401, "unauthenticated")
    problem(await client.delete(AVATAR), 401, "unauthenticated")
    problem(await put(client, tokens.bearer(), b"<svg/>"), 415, "unsupported_image", "file")
