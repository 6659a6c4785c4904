import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from PIL import Image
from services.catalog.tests.conftest import MakeProduct, data, problem
from services.catalog.tests.media.uploads import files_in, image_file, open_image, process_images, run_job

from catalog.app import build
from catalog.media import store
from catalog.media.usecases.process_images import CLAIM_LEASE
from catalog.media.usecases.product_images import remove_image
from catalog.settings import Settings
from common import clock
from common.clock import FixedClock
from common.contracts.catalog import MediaProcessed, MediaRejected, ProductImagesChanged
from common.ids import new_id
from common.testing import eventually, facts
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.service import Service

ORIENTATION, GPS, MAKE = 0x0112, 0x8825, 0x010F
TURNED_RIGHT = 6


def photo_taken_upright() -> bytes:
    """1600 × 800 in the file, to be rotated; its metadata has the camera's name and the location."""
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKE] = TURNED_RIGHT, "Camera"
    exif.get_ifd(GPS)[1] = "S"
    return image_file(exif=exif)


@pytest.fixture
async def path(make_product: MakeProduct) -> str:
    return f"/api/v1/products/{(await make_product())['id']}"


async def upload(
    client: httpx.AsyncClient, staff: dict[str, str], path: str, content: bytes, name: str = "boots.jpg"
) -> httpx.Response:
    return await client.post(f"{path}/images", files={"file": (name, content)}, headers=staff)


async def test_an_upload_becomes_upright_webp_variants_without_metadata(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str
) -> None:
    media = data(await upload(client, staff, path, photo_taken_upright()), 201)
    assert (media["state"], media["variants"]) == ("pending", {})
    assert data(await client.get(path))["images"] == []
    await process_images(catalog)
    [image] = data(await client.get(path))["images"]
    assert (image["id"], image["url"]) == (media["id"], f"/api/v1/media/{media['id']}/large")
    sizes = {name: open_image(await client.get(url)).size for name, url in image["variants"].items()}
    assert sizes == {"thumb": (100, 200), "medium": (300, 600), "large": (600, 1200)}
    shown = open_image(await client.get(image["url"]))
    assert (shown.format, dict(shown.getexif()), "exif" in shown.info) == ("WEBP", {}, False)
    [event] = await facts(catalog.database, MediaProcessed)
    assert (event.media_id, event.width, event.height) == (UUID(media["id"]), 800, 1600)
    assert event.variants == image["variants"]


async def test_variants_are_immutable_and_cacheable(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str
) -> None:
    media = data(await upload(client, staff, path, image_file((50, 40))), 201)
    url = f"/api/v1/media/{media['id']}/thumb"
    assert (await client.get(url)).status_code == 404
    await process_images(catalog)
    first = await client.get(url)
    assert open_image(first).size == (50, 40)
    assert first.headers["content-type"] == "image/webp"
    assert first.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert first.headers["x-content-type-options"] == "nosniff"
    again = await client.get(url, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.get(f"/api/v1/media/{media['id']}/original")).status_code == 422
    assert (await client.get(f"/api/v1/media/{new_id()}/thumb")).status_code == 404


@pytest.mark.parametrize(
    "content",
    [
        image_file(kind="PNG", mode="RGBA"),
        image_file(kind="WEBP"),
        image_file(kind="PNG", mode="P"),
        image_file(kind="JPEG", mode="CMYK"),
        image_file(kind="PNG", mode="L"),
    ],
    ids=["transparent png", "webp", "palette png", "cmyk jpeg", "grey png"],
)
async def test_every_supported_kind_of_picture_is_accepted_and_keeps_its_transparency(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str, content: bytes
) -> None:
    media = data(await upload(client, staff, path, content), 201)
    await process_images(catalog)
    shown = open_image(await client.get(f"/api/v1/media/{media['id']}/medium"))
    assert shown.has_transparency_data == Image.open(BytesIO(content)).has_transparency_data


async def test_a_file_that_is_not_a_picture_is_rejected_whatever_its_name(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str, tmp_path: Path
) -> None:
    for content in (
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<html>",
        image_file(kind="GIF"),
        b"\xff\xd8\xff",
    ):
        problem(await upload(client, staff, path, content), 415, "unsupported_image", "file")
    assert not files_in(tmp_path)


async def test_size_and_pixels_are_limited_before_anything_is_decoded(
    fresh_database: FreshDatabase,
    client_for: ClientFor,
    staff: dict[str, str],
    tmp_path: Path,
) -> None:
    database = await fresh_database("catalog")
    settings = Settings(
        database_url=database.url, data_dir=str(tmp_path), image_max_bytes=20_000, image_max_pixels=1_000_000
    )
    client = await client_for(build(settings))
    path = f"/api/v1/products/{new_id()}"
    problem(await upload(client, staff, path, image_file((1001, 1000), kind="PNG")), 422, "image_too_large", "file")
    bomb = bytearray(image_file((8, 8), kind="PNG"))
    bomb[16:24] = (60_000).to_bytes(4) * 2
    problem(await upload(client, staff, path, bytes(bomb)), 415, "unsupported_image", "file")
    too_long = image_file((10, 10), kind="PNG") + b"\0" * 20_000
    problem(await upload(client, staff, path, too_long), 413, "image_too_large", "file")
    assert (await upload(client, staff, path, b"\0" * 200_000)).status_code == 413
    problem(await upload(client, staff, path, image_file((10, 10))), 404, "not_found")
    assert not files_in(tmp_path)


async def test_a_damaged_picture_is_rejected_and_the_next_one_is_processed(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str
) -> None:
    damaged = data(await upload(client, staff, path, image_file(kind="PNG")[:-40]), 201)
    sound = data(await upload(client, staff, path, image_file()), 201)
    await process_images(catalog)
    seen = data(await client.get(f"/api/v1/media/{damaged['id']}", headers=staff))
    assert (seen["state"], seen["reason"]) == ("rejected", "the picture is damaged")
    assert [fact.reason for fact in await facts(catalog.database, MediaRejected)] == ["the picture is damaged"]
    assert [image["id"] for image in data(await client.get(path))["images"]] == [sound["id"]]


async def test_the_same_picture_twice_is_one_image(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str
) -> None:
    answers = await asyncio.gather(*(upload(client, staff, path, image_file()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 200, 200, 201]
    assert len({answer.json()["data"]["id"] for answer in answers}) == 1
    await process_images(catalog)
    assert len(await facts(catalog.database, MediaProcessed)) == 1


async def test_an_upload_claimed_by_a_killed_worker_is_processed_by_another_once(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str
) -> None:
    media = data(await upload(client, staff, path, image_file()), 201)
    with clock.use(FixedClock(clock.now())) as time:
        async with catalog.database.begin() as tx:
            await tx.sql.execute("UPDATE media SET claimed_until = $1, attempts = 1", time.now() + CLAIM_LEASE)
        await process_images(catalog)
        assert data(await client.get(path))["images"] == []
        time.advance(CLAIM_LEASE)
        jobs = [job for job in catalog.jobs if job.name == "catalog.pictures"] * 3
        await asyncio.gather(*(job.run() for job in jobs))
    assert [fact.media_id for fact in await facts(catalog.database, MediaProcessed)] == [UUID(media["id"])]


async def test_removing_an_image_deletes_it_from_the_product_and_the_disk(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str, tmp_path: Path
) -> None:
    media = data(await upload(client, staff, path, image_file()), 201)
    await process_images(catalog)
    assert (await client.delete(f"{path}/images/{media['id']}", headers=staff)).status_code == 204
    assert (await client.delete(f"{path}/images/{media['id']}", headers=staff)).status_code == 404
    assert data(await client.get(path))["images"] == []
    assert not files_in(tmp_path)


async def test_a_job_deletes_the_files_of_a_product_image_that_a_crash_left(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str, tmp_path: Path
) -> None:
    media = data(await upload(client, staff, path, image_file()), 201)
    await process_images(catalog)
    async with catalog.database.begin() as tx:
        await remove_image(tx, UUID(path.rpartition("/")[2]), UUID(media["id"]))
    async with catalog.database.begin() as tx:
        assert await store.list_discarded(tx, 2) == {UUID(media["id"]): "public"}
    assert files_in(tmp_path)
    await run_job(catalog, "catalog.discarded")
    assert not files_in(tmp_path)


async def test_an_upload_wakes_the_worker_in_the_same_process(
    fresh_database: FreshDatabase, client_for: ClientFor, staff: dict[str, str], tmp_path: Path
) -> None:
    database = await fresh_database("catalog")
    client = await client_for(build(Settings(database_url=database.url, data_dir=str(tmp_path))), role="all")
    category = data(await client.post("/api/v1/categories", json={"name": "Shoes"}, headers=staff), 201)
    body = {"title": "Boots", "category_id": category["id"], "price": {"amount": 1}}
    path = f"/api/v1/products/{data(await client.post('/api/v1/products', json=body, headers=staff), 201)['id']}"
    data(await upload(client, staff, path, image_file()), 201)

    async def images() -> list[Any]:
        listed: list[Any] = data(await client.get(path))["images"]
        return listed

    assert len(await eventually(images)) == 1


async def test_changing_the_shown_images_of_a_product_publishes_an_event(
    catalog: Service, client: httpx.AsyncClient, staff: dict[str, str], path: str
) -> None:
    media = data(await upload(client, staff, path, image_file((8, 8))), 201)
    assert await facts(catalog.database, ProductImagesChanged) == []
    await process_images(catalog)
    assert (await client.delete(f"{path}/images/{media['id']}", headers=staff)).status_code == 204
    changed = await facts(catalog.database, ProductImagesChanged)
    assert [str(event.product_id) for event in changed] == [path.rpartition("/")[2]] * 2
