"""Personal pictures: private ones can be loaded by their signed URLs only."""

import asyncio
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from PIL import PngImagePlugin
from services.catalog.tests.conftest import MakeProduct, data, problem
from services.catalog.tests.media.uploads import (
    files_in,
    folder_of,
    image_file,
    open_image,
    process_images,
    processed,
    run_job,
    upload_own,
)

from catalog.app import build
from catalog.media import store
from catalog.media.jobs import MAX_ATTEMPTS
from catalog.media.usecases.process_images import reject_image
from catalog.settings import Settings
from common import clock
from common.clock import FixedClock
from common.contracts.catalog import MediaProcessed
from common.ids import new_id
from common.testing import TestIssuer, facts
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.service import Service

MEDIA = "/api/v1/media"


@pytest.fixture
def owner(tokens: TestIssuer) -> dict[str, str]:
    return tokens.bearer(new_id())


@pytest.fixture
def other_person(tokens: TestIssuer) -> dict[str, str]:
    return tokens.bearer(new_id())


@pytest.fixture
async def private(catalog: Service, client: httpx.AsyncClient, owner: dict[str, str]) -> Any:
    """The owner's view of a private picture that is ready."""
    return await processed(catalog, client, owner, (await upload_own(client, owner))["id"])


def with_query(url: str, **changes: str | None) -> str:
    """The URL with parameters changed, or left out when None."""
    split = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(split.query).items()} | changes
    return f"{split.path}?{'&'.join(f'{name}={value}' for name, value in query.items() if value is not None)}"


async def test_a_private_picture_is_loaded_by_its_signed_url_without_credentials(
    client: httpx.AsyncClient, private: Any, owner: dict[str, str]
) -> None:
    assert (private["visibility"], private["is_avatar"], private["url"]) == (
        "private",
        False,
        private["variants"]["large"],
    )
    sizes = {name: open_image(await client.get(url)).size for name, url in private["variants"].items()}
    assert sizes == {"thumb": (200, 133), "medium": (300, 200), "large": (300, 200)}
    answer = await client.get(private["url"])
    expires = int(parse_qs(urlsplit(private["url"]).query)["expires"][0])
    rules = dict(part.strip().partition("=")[::2] for part in answer.headers["cache-control"].split(","))
    assert set(rules) == {"private", "max-age"}
    assert abs(int(rules["max-age"]) - (expires - clock.now().timestamp())) < 30
    assert answer.headers["x-content-type-options"] == "nosniff"
    known = await client.get(private["url"], headers={"If-None-Match": answer.headers["etag"]})
    assert (known.status_code, known.content, "private" in known.headers["cache-control"]) == (304, b"", True)
    assert data(await client.get(MEDIA, headers=owner)) == [private]


async def test_a_private_picture_without_a_signature_is_answered_like_a_missing_one(
    client: httpx.AsyncClient, private: Any, owner: dict[str, str], staff: dict[str, str]
) -> None:
    for headers in ({}, owner, staff):
        taken, absent = [
            await client.get(f"{MEDIA}/{which}/thumb", headers=headers) for which in (private["id"], new_id())
        ]
        assert taken.status_code == absent.status_code == 404
        assert taken.json() | {"request_id": None} == absent.json() | {"request_id": None}


async def test_a_signature_is_valid_for_its_picture_variant_and_time_only(
    catalog: Service, client: httpx.AsyncClient, private: Any, owner: dict[str, str]
) -> None:
    other = await processed(catalog, client, owner, (await upload_own(client, owner))["id"])
    thumb, query = private["variants"]["thumb"], urlsplit(private["variants"]["thumb"]).query
    signature = parse_qs(query)["signature"][0]
    for url in (
        f"{MEDIA}/{other['id']}/thumb?{query}",
        f"{MEDIA}/{private['id']}/large?{query}",
        f"{MEDIA}/{new_id()}/thumb?{query}",
        with_query(thumb, expires="999999999999"),
        with_query(thumb, expires="0"),
        with_query(thumb, expires=None),
        with_query(thumb, signature=None),
        with_query(thumb, signature=signature[::-1]),
        with_query(thumb, signature="A" * 43),
    ):
        problem(await client.get(url), 403, "invalid_signature")


@pytest.mark.parametrize("expires", ["-1", "1.5", "1e9", "9" * 40, "", "soon", "0x10", "१२"])
async def test_a_malformed_expiry_is_invalid(client: httpx.AsyncClient, private: Any, expires: str) -> None:
    problem(await client.get(with_query(private["url"], expires=expires)), 422, "wrong_format", "expires")


async def test_a_malformed_signature_is_invalid(client: httpx.AsyncClient, private: Any) -> None:
    for signature in ("", "x", "A" * 44, "A" * 42 + "+", "%2e" * 43):
        answer = await client.get(with_query(private["url"], signature=signature))
        problem(answer, 422, "wrong_format", "signature")


async def test_a_signed_url_expires(
    client: httpx.AsyncClient, private: Any, tokens: TestIssuer, owner: dict[str, str]
) -> None:
    assert data(await client.get(f"{MEDIA}/{private['id']}", headers=owner)) == private
    with clock.use(FixedClock(clock.now() + timedelta(hours=2))):
        problem(await client.get(private["url"]), 403, "url_expired")


async def test_only_staff_read_and_delete_pictures_of_other_people(
    client: httpx.AsyncClient, private: Any, other_person: dict[str, str], staff: dict[str, str]
) -> None:
    path = f"{MEDIA}/{private['id']}"
    for method in ("GET", "DELETE"):
        problem(await client.request(method, path, headers=other_person), 404, "not_found")
        problem(await client.request(method, f"{MEDIA}/{new_id()}", headers=other_person), 404, "not_found")
        problem(await client.request(method, path), 401, "unauthenticated")
    problem(await client.get(MEDIA), 401, "unauthenticated")
    assert data(await client.get(MEDIA, headers=other_person)) == []
    seen = data(await client.get(path, headers=staff))
    assert open_image(await client.get(seen["url"])).size == (300, 200)
    assert (await client.delete(path, headers=staff)).status_code == 204


async def test_deleting_a_picture_deletes_its_files_and_ends_its_urls(
    catalog: Service, client: httpx.AsyncClient, private: Any, owner: dict[str, str], tmp_path: Path
) -> None:
    path = f"{MEDIA}/{private['id']}"
    assert (await client.delete(path, headers=owner)).status_code == 204
    problem(await client.get(private["url"]), 404, "not_found")
    problem(await client.get(path, headers=owner), 404, "not_found")
    problem(await client.delete(path, headers=owner), 404, "not_found")
    assert data(await client.get(MEDIA, headers=owner)) == []
    assert not files_in(tmp_path)


async def test_a_job_deletes_the_files_that_a_crash_left(
    catalog: Service, client: httpx.AsyncClient, private: Any, tmp_path: Path
) -> None:
    async with catalog.database.begin() as tx:
        await tx.sql.execute(
            "WITH gone AS (DELETE FROM media RETURNING id, visibility) "
            "INSERT INTO discarded_media (media_id, visibility) SELECT id, visibility FROM gone"
        )
    assert files_in(tmp_path)
    await run_job(catalog, "catalog.discarded")
    assert not files_in(tmp_path)
    problem(await client.get(private["url"]), 404, "not_found")


async def test_an_image_whose_files_cannot_be_deleted_stays_discarded_and_does_not_stop_the_others(
    catalog: Service, client: httpx.AsyncClient, private: Any, owner: dict[str, str], tmp_path: Path
) -> None:
    other = await processed(catalog, client, owner, (await upload_own(client, owner))["id"])
    folder = folder_of(private["id"], tmp_path)
    aside = folder.rename(tmp_path / "aside")
    folder.write_bytes(b"a file, which cannot be deleted as a folder")
    async with catalog.database.begin() as tx:
        await store.discard_media(tx, [UUID(private["id"]), UUID(other["id"])])
    await run_job(catalog, "catalog.discarded")
    async with catalog.database.begin() as tx:
        assert await store.list_discarded(tx, 2) == {UUID(private["id"]): "private"}
    folder.unlink()
    aside.rename(folder)
    await run_job(catalog, "catalog.discarded")
    assert not files_in(tmp_path)


async def test_a_picture_deleted_during_processing_leaves_no_file(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], tmp_path: Path
) -> None:
    media = [await upload_own(client, owner, image_file((4000, 3000))) for _ in range(4)]
    removals = [client.delete(f"{MEDIA}/{each['id']}", headers=owner) for each in media]
    answers, _ = await asyncio.gather(asyncio.gather(*removals), process_images(catalog))
    assert [answer.status_code for answer in answers] == [204] * 4
    assert not files_in(tmp_path)


async def test_a_public_picture_needs_no_signature_but_only_its_owner_reads_and_deletes_it(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], other_person: dict[str, str]
) -> None:
    media = await processed(catalog, client, owner, (await upload_own(client, owner, visibility="public"))["id"])
    assert (media["visibility"], media["url"]) == ("public", f"{MEDIA}/{media['id']}/large")
    answer = await client.get(media["url"])
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    problem(await client.get(f"{MEDIA}/{media['id']}", headers=other_person), 404, "not_found")
    problem(await client.delete(f"{MEDIA}/{media['id']}", headers=other_person), 404, "not_found")


async def test_people_list_their_own_pictures_newest_first_in_pages(
    client: httpx.AsyncClient, owner: dict[str, str], other_person: dict[str, str]
) -> None:
    ids = [(await upload_own(client, owner))["id"] for _ in range(3)]
    await upload_own(client, other_person)
    answer = await client.get(f"{MEDIA}?page_size=2", headers=owner)
    assert [each["id"] for each in data(answer)] == [ids[2], ids[1]]
    assert answer.json()["meta"]["total"] == 3
    last = await client.get(f"{MEDIA}?page_size=2&page=2", headers=owner)
    assert [each["id"] for each in data(last)] == [ids[0]]
    beyond = await client.get(f"{MEDIA}?page_size=2&page=9", headers=owner)
    assert (data(beyond), beyond.json()["meta"]["total"]) == ([], 3)


async def test_the_quota_of_a_person_holds_for_concurrent_uploads(
    fresh_database: FreshDatabase,
    client_for: ClientFor,
    owner: dict[str, str],
    other_person: dict[str, str],
    tmp_path: Path,
) -> None:
    database = await fresh_database("catalog")
    size = len(image_file((30, 20)))
    settings = {"media_per_person": 3, "media_bytes_per_person": size * 5, "data_dir": str(tmp_path)}
    client = await client_for(build(Settings.model_validate({"database_url": database.url} | settings)))

    async def upload(who: dict[str, str], content: bytes) -> httpx.Response:
        return await client.post(MEDIA, files={"file": ("me.jpg", content)}, headers=who)

    answers = await asyncio.gather(*(upload(owner, image_file((30, 20))) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    problem(await upload(owner, image_file((30, 20))), 409, "too_many_media", "file")
    problem(await upload(other_person, image_file((30, 20)) + b"\0" * size * 5), 409, "media_too_large", "file")
    assert len(files_in(tmp_path)) == 3
    await client.delete(f"{MEDIA}/{data(await client.get(MEDIA, headers=owner))[0]['id']}", headers=owner)
    assert (await upload(owner, image_file((30, 20)))).status_code == 201


async def test_invalid_uploads_are_rejected_and_leave_no_file(
    client: httpx.AsyncClient, owner: dict[str, str], tmp_path: Path
) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    for content in (b"", svg, b"\xef\xbb\xbf" + svg, b"<html><script>alert(1)</script>", b"%PDF-1.7", b"PK\x03\x04"):
        answer = await client.post(MEDIA, files={"file": ("me.png", content, "image/png")}, headers=owner)
        problem(answer, 415, "unsupported_image", "file")
    bomb = bytearray(image_file((8, 8), kind="PNG"))
    bomb[16:24] = (60_000).to_bytes(4) * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4)
    answer = await client.post(MEDIA, files={"file": ("me.png", bytes(bomb))}, headers=owner)
    problem(answer, 422, "image_too_large", "file")
    form = {"visibility": "secret"}
    answer = await client.post(MEDIA, files={"file": ("me.jpg", image_file())}, data=form, headers=owner)
    problem(answer, 422, "invalid_choice", "visibility")
    problem(await client.post(MEDIA, data={"visibility": "public"}, headers=owner), 422, "missing", "file")
    problem(await client.post(MEDIA, files={"file": ("me.jpg", image_file())}), 401, "unauthenticated")
    assert not files_in(tmp_path)


async def test_data_appended_to_a_picture_or_in_its_metadata_is_never_served(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    payload = b"<script>alert('from the picture')</script>PK\x03\x04"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", payload.decode())
    for content in (
        image_file((300, 200)) + payload,
        image_file((300, 200), kind="JPEG", comment=payload),
        image_file((300, 200), kind="PNG", pnginfo=text) + payload,
    ):
        assert payload in content
        media = await processed(catalog, client, owner, (await upload_own(client, owner, content))["id"])
        for url in media["variants"].values():
            answer = await client.get(url)
            assert answer.headers["content-type"] == "image/webp"
            assert b"script" not in answer.content


async def test_the_original_of_a_personal_picture_is_deleted_after_processing(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], tmp_path: Path
) -> None:
    media = await processed(
        catalog, client, owner, (await upload_own(client, owner, image_file(comment=b"with my camera")))["id"]
    )
    assert {path.name for path in files_in(tmp_path)} == {f"{name}.webp" for name in media["variants"]}


async def test_a_picture_that_no_attempt_finished_is_rejected_with_a_reason(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], tmp_path: Path
) -> None:
    media_id = (await upload_own(client, owner))["id"]
    async with catalog.database.begin() as tx:
        await tx.sql.execute("UPDATE media SET attempts = $1", MAX_ATTEMPTS)
    await process_images(catalog)
    view = data(await client.get(f"{MEDIA}/{media_id}", headers=owner))
    assert (view["state"], view["reason"]) == ("rejected", "the picture could not be processed")
    assert not files_in(tmp_path)


async def test_a_picture_that_cannot_be_decoded_is_rejected_at_its_first_attempt(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    content = image_file((300, 200))
    media_id = (await upload_own(client, owner, content[: len(content) * 2 // 3]))["id"]
    await process_images(catalog)
    view = data(await client.get(f"{MEDIA}/{media_id}", headers=owner))
    assert (view["state"], view["reason"], view["variants"]) == ("rejected", "the picture is damaged", {})


async def test_a_late_rejection_does_not_overwrite_the_result_of_another_worker(
    catalog: Service, client: httpx.AsyncClient, private: Any
) -> None:
    async with catalog.database.begin() as tx:
        assert not await reject_image(tx, UUID(private["id"]), "too late")
    assert open_image(await client.get(private["url"]))


async def test_pictures_one_pixel_wide_are_scaled_down(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    for size in ((20_000, 1), (1, 20_000), (1, 1)):
        media = await processed(
            catalog, client, owner, (await upload_own(client, owner, image_file(size, kind="PNG")))["id"]
        )
        assert max(open_image(await client.get(media["variants"]["thumb"])).size) == min(200, max(size))


async def test_product_images_cannot_be_deleted_as_personal_pictures(
    client: httpx.AsyncClient, make_product: MakeProduct, tokens: TestIssuer
) -> None:
    clerk = new_id()
    as_staff, as_customer = tokens.bearer(clerk, ["staff"]), tokens.bearer(clerk)
    path = f"/api/v1/products/{(await make_product())['id']}/images"
    image = data(await client.post(path, files={"file": ("b.jpg", image_file())}, headers=as_staff), 201)
    problem(await client.delete(f"{MEDIA}/{image['id']}", headers=as_staff), 409, "product_image")
    problem(await client.delete(f"{MEDIA}/{image['id']}", headers=as_customer), 404, "not_found")
    problem(await client.get(f"{MEDIA}/{image['id']}", headers=as_customer), 404, "not_found")
    assert data(await client.get(MEDIA, headers=as_staff)) == []


async def test_media_processed_contains_no_signature(catalog: Service, private: Any) -> None:
    [event] = await facts(catalog.database, MediaProcessed)
    assert event.media_id == UUID(private["id"])
    assert "signature" not in event.model_dump_json()
