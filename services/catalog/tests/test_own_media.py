"""People keep pictures of their own: private ones are seen by who was given a signed URL, and by nobody else."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import pytest
from PIL import PngImagePlugin
from pydantic import ValidationError

from catalog.app import build
from catalog.settings import Settings
from catalog.usecases.process_images import reject_image
from common import clock
from common.clock import FixedClock
from common.contracts.auth import UserErased
from common.contracts.catalog import MediaProcessed
from common.ids import new_id
from common.testing import TestIssuer, deliver, facts
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.service import Service

from .conftest import MakeProduct, data, refusal
from .uploads import files_in, keep, opened, picture, process, ready, run_job

MEDIA = "/api/v1/media"


@pytest.fixture
def owner(tokens: TestIssuer) -> dict[str, str]:
    return tokens.bearer(new_id())


@pytest.fixture
def stranger(tokens: TestIssuer) -> dict[str, str]:
    return tokens.bearer(new_id())


@pytest.fixture
async def private(catalog: Service, client: httpx.AsyncClient, owner: dict[str, str]) -> Any:
    """A private picture that is ready to be seen, as its owner is told of it."""
    return await ready(catalog, client, owner, (await keep(client, owner))["id"])


def with_query(url: str, **changes: str | None) -> str:
    """The URL with parameters changed, or left out when None."""
    split = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(split.query).items()} | changes
    return f"{split.path}?{'&'.join(f'{name}={value}' for name, value in query.items() if value is not None)}"


async def test_a_private_picture_is_loaded_by_its_url_without_any_header(
    client: httpx.AsyncClient, private: Any, owner: dict[str, str]
) -> None:
    assert (private["visibility"], private["is_avatar"], private["url"]) == (
        "private",
        False,
        private["variants"]["large"],
    )
    sizes = {name: opened(await client.get(url)).size for name, url in private["variants"].items()}
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


async def test_without_a_signature_it_is_as_if_it_were_not_there_for_everybody(
    client: httpx.AsyncClient, private: Any, owner: dict[str, str], staff: dict[str, str]
) -> None:
    for headers in ({}, owner, staff):
        taken, absent = [
            await client.get(f"{MEDIA}/{which}/thumb", headers=headers) for which in (private["id"], new_id())
        ]
        assert taken.status_code == absent.status_code == 404
        assert taken.json() | {"request_id": None} == absent.json() | {"request_id": None}


async def test_a_signature_opens_what_it_was_made_for_only(
    catalog: Service, client: httpx.AsyncClient, private: Any, owner: dict[str, str]
) -> None:
    other = await ready(catalog, client, owner, (await keep(client, owner))["id"])
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
        refusal(await client.get(url), 403, "invalid_signature")


@pytest.mark.parametrize("expires", ["-1", "1.5", "1e9", "9" * 40, "", "soon", "%00", "0x10", "१२"])
async def test_a_time_that_is_none_is_refused_as_such(client: httpx.AsyncClient, private: Any, expires: str) -> None:
    refusal(await client.get(with_query(private["url"], expires=expires)), 422, "string_pattern_mismatch", "expires")


async def test_a_signature_that_is_none_is_refused_as_such(client: httpx.AsyncClient, private: Any) -> None:
    for signature in ("", "x", "A" * 44, "A" * 42 + "+", "%2e" * 43):
        answer = await client.get(with_query(private["url"], signature=signature))
        refusal(answer, 422, "string_pattern_mismatch", "signature")


async def test_a_url_ends_with_its_time_and_the_owner_gets_a_new_one(
    client: httpx.AsyncClient, private: Any, tokens: TestIssuer, owner: dict[str, str]
) -> None:
    assert data(await client.get(f"{MEDIA}/{private['id']}", headers=owner)) == private
    with clock.use(FixedClock(clock.now() + timedelta(hours=2))):
        refusal(await client.get(private["url"]), 403, "url_expired")


async def test_nobody_but_staff_gets_at_anothers_pictures_by_their_ids(
    client: httpx.AsyncClient, private: Any, stranger: dict[str, str], staff: dict[str, str]
) -> None:
    path = f"{MEDIA}/{private['id']}"
    for method in ("GET", "DELETE"):
        refusal(await client.request(method, path, headers=stranger), 404, "not_found")
        refusal(await client.request(method, f"{MEDIA}/{new_id()}", headers=stranger), 404, "not_found")
        refusal(await client.request(method, path), 401, "unauthenticated")
    refusal(await client.get(MEDIA), 401, "unauthenticated")
    assert data(await client.get(MEDIA, headers=stranger)) == []
    seen = data(await client.get(path, headers=staff))
    assert opened(await client.get(seen["url"])).size == (300, 200)
    assert (await client.delete(path, headers=staff)).status_code == 204


async def test_what_is_taken_away_is_gone_with_its_urls_and_files(
    catalog: Service, client: httpx.AsyncClient, private: Any, owner: dict[str, str], tmp_path: Path
) -> None:
    path = f"{MEDIA}/{private['id']}"
    assert (await client.delete(path, headers=owner)).status_code == 204
    refusal(await client.get(private["url"]), 404, "not_found")
    refusal(await client.get(path, headers=owner), 404, "not_found")
    refusal(await client.delete(path, headers=owner), 404, "not_found")
    assert data(await client.get(MEDIA, headers=owner)) == []
    assert not files_in(tmp_path)


async def test_files_that_a_crash_left_behind_are_removed_by_the_job(
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
    refusal(await client.get(private["url"]), 404, "not_found")


async def test_a_picture_taken_away_while_its_variants_are_made_leaves_nothing(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], tmp_path: Path
) -> None:
    media = [await keep(client, owner, picture((4000, 3000))) for _ in range(4)]
    removals = [client.delete(f"{MEDIA}/{each['id']}", headers=owner) for each in media]
    answers, _ = await asyncio.gather(asyncio.gather(*removals), process(catalog))
    assert [answer.status_code for answer in answers] == [204] * 4
    assert not files_in(tmp_path)


async def test_a_public_picture_needs_no_signature_and_is_its_owners_all_the_same(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], stranger: dict[str, str]
) -> None:
    media = await ready(catalog, client, owner, (await keep(client, owner, visibility="public"))["id"])
    assert (media["visibility"], media["url"]) == ("public", f"{MEDIA}/{media['id']}/large")
    answer = await client.get(media["url"])
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=31536000, immutable")
    refusal(await client.get(f"{MEDIA}/{media['id']}", headers=stranger), 404, "not_found")
    refusal(await client.delete(f"{MEDIA}/{media['id']}", headers=stranger), 404, "not_found")


async def test_the_list_is_ones_own_newest_first_and_paged(
    client: httpx.AsyncClient, owner: dict[str, str], stranger: dict[str, str]
) -> None:
    ids = [(await keep(client, owner))["id"] for _ in range(3)]
    await keep(client, stranger)
    answer = await client.get(f"{MEDIA}?page_size=2", headers=owner)
    assert [each["id"] for each in data(answer)] == [ids[2], ids[1]]
    assert answer.json()["meta"]["total"] == 3
    last = await client.get(f"{MEDIA}?page_size=2&page=2", headers=owner)
    assert [each["id"] for each in data(last)] == [ids[0]]
    beyond = await client.get(f"{MEDIA}?page_size=2&page=9", headers=owner)
    assert (data(beyond), beyond.json()["meta"]["total"]) == ([], 3)


async def test_one_person_keeps_so_much_and_no_more_even_at_once(
    fresh_database: FreshDatabase,
    client_for: ClientFor,
    owner: dict[str, str],
    stranger: dict[str, str],
    tmp_path: Path,
) -> None:
    database = await fresh_database("catalog")
    size = len(picture((30, 20)))
    settings = {"media_per_person": 3, "media_bytes_per_person": size * 5, "data_dir": str(tmp_path)}
    client = await client_for(build(Settings.model_validate({"database_url": database.url} | settings)))

    async def upload(who: dict[str, str], content: bytes) -> httpx.Response:
        return await client.post(MEDIA, files={"file": ("me.jpg", content)}, headers=who)

    answers = await asyncio.gather(*(upload(owner, picture((30, 20))) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 3
    refusal(await upload(owner, picture((30, 20))), 409, "too_many_media", "file")
    refusal(await upload(stranger, picture((30, 20)) + b"\0" * size * 5), 409, "media_too_large", "file")
    assert len(files_in(tmp_path)) == 3
    await client.delete(f"{MEDIA}/{data(await client.get(MEDIA, headers=owner))[0]['id']}", headers=owner)
    assert (await upload(owner, picture((30, 20)))).status_code == 201


async def test_what_is_no_picture_and_what_is_wrongly_asked_is_refused_and_leaves_no_file(
    client: httpx.AsyncClient, owner: dict[str, str], tmp_path: Path
) -> None:
    svg = b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    for content in (b"", svg, b"\xef\xbb\xbf" + svg, b"<html><script>alert(1)</script>", b"%PDF-1.7", b"PK\x03\x04"):
        answer = await client.post(MEDIA, files={"file": ("me.png", content, "image/png")}, headers=owner)
        refusal(answer, 415, "unsupported_image", "file")
    bomb = bytearray(picture((8, 8), kind="PNG"))
    bomb[16:24] = (60_000).to_bytes(4) * 2
    answer = await client.post(MEDIA, files={"file": ("me.png", bytes(bomb))}, headers=owner)
    assert answer.status_code in {415, 422}
    form = {"visibility": "secret"}
    answer = await client.post(MEDIA, files={"file": ("me.jpg", picture())}, data=form, headers=owner)
    refusal(answer, 422, "literal_error", "visibility")
    refusal(await client.post(MEDIA, data={"visibility": "public"}, headers=owner), 422, "missing", "file")
    refusal(await client.post(MEDIA, files={"file": ("me.jpg", picture())}), 401, "unauthenticated")
    assert not files_in(tmp_path)


async def test_what_hides_in_a_picture_is_never_served(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    payload = b"<script>alert('from the picture')</script>PK\x03\x04"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", payload.decode())
    for content in (
        picture((300, 200)) + payload,
        picture((300, 200), kind="JPEG", comment=payload),
        picture((300, 200), kind="PNG", pnginfo=text) + payload,
    ):
        assert payload in content
        media = await ready(catalog, client, owner, (await keep(client, owner, content))["id"])
        for url in media["variants"].values():
            answer = await client.get(url)
            assert answer.headers["content-type"] == "image/webp"
            assert b"script" not in answer.content


async def test_of_a_personal_picture_only_the_variants_are_kept(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], tmp_path: Path
) -> None:
    media = await ready(catalog, client, owner, (await keep(client, owner, picture(comment=b"with my camera")))["id"])
    assert {path.name for path in files_in(tmp_path)} == {f"{name}.webp" for name in media["variants"]}


async def test_a_worker_that_gives_up_late_takes_nothing_from_one_that_was_quicker(
    catalog: Service, client: httpx.AsyncClient, private: Any
) -> None:
    async with catalog.database.begin() as tx:
        assert not await reject_image(tx, UUID(private["id"]), "too late")
    assert opened(await client.get(private["url"]))


async def test_pictures_as_thin_as_a_line_are_made_smaller_like_others(
    catalog: Service, client: httpx.AsyncClient, owner: dict[str, str]
) -> None:
    for size in ((20_000, 1), (1, 20_000), (1, 1)):
        media = await ready(catalog, client, owner, (await keep(client, owner, picture(size, kind="PNG")))["id"])
        assert max(opened(await client.get(media["variants"]["thumb"])).size) == min(200, max(size))


async def test_images_of_products_are_not_taken_away_here_nor_by_who_once_uploaded_them(
    client: httpx.AsyncClient, make_product: MakeProduct, tokens: TestIssuer
) -> None:
    clerk = new_id()
    as_staff, as_customer = tokens.bearer(clerk, ["staff"]), tokens.bearer(clerk)
    path = f"/api/v1/products/{(await make_product())['id']}/images"
    image = data(await client.post(path, files={"file": ("b.jpg", picture())}, headers=as_staff), 201)
    refusal(await client.delete(f"{MEDIA}/{image['id']}", headers=as_staff), 409, "product_image")
    refusal(await client.delete(f"{MEDIA}/{image['id']}", headers=as_customer), 404, "not_found")
    refusal(await client.get(f"{MEDIA}/{image['id']}", headers=as_customer), 404, "not_found")
    assert data(await client.get(MEDIA, headers=as_staff)) == []


async def test_an_erased_person_leaves_nothing_and_the_shops_images_stay(
    catalog: Service, client: httpx.AsyncClient, make_product: MakeProduct, tokens: TestIssuer, tmp_path: Path
) -> None:
    clerk = new_id()
    as_staff = tokens.bearer(clerk, ["staff"])
    path = f"/api/v1/products/{(await make_product())['id']}"
    data(await client.post(f"{path}/images", files={"file": ("b.jpg", picture())}, headers=as_staff), 201)
    own = await keep(client, as_staff)
    await client.put("/api/v1/auth/me/avatar", files={"file": ("me.jpg", picture())}, headers=as_staff)
    url = (await ready(catalog, client, as_staff, own["id"]))["url"]
    assert opened(await client.get(url))
    erased = UserErased(user_id=clerk)
    await deliver(catalog, erased)
    await deliver(catalog, erased)
    await run_job(catalog, "catalog.discarded")
    refusal(await client.get(url), 404, "not_found")
    assert not files_in(tmp_path / "media" / "private")
    [image] = data(await client.get(path))["images"]
    assert opened(await client.get(image["url"]))
    async with catalog.database.begin() as tx:
        assert await tx.sql.fetchval("SELECT count(*) FROM media WHERE owner_id = $1", clerk) == 0


def test_production_starts_with_a_secret_of_its_own_only() -> None:
    given = dict.fromkeys(("database_url", "amqp_url", "issuer", "audience", "auth_url"), "x") | {"mode": "production"}
    for secret in ({}, {"media_secret": "short"}):
        with pytest.raises(ValidationError, match="DUKAN_MEDIA_SECRET"):
            Settings.model_validate(given | secret)
    Settings.model_validate(given | {"media_secret": "s" * 32})


async def test_the_journal_is_told_where_a_private_picture_is_and_not_how_to_see_it(
    catalog: Service, private: Any
) -> None:
    [event] = await facts(catalog.database, MediaProcessed)
    assert event.media_id == UUID(private["id"])
    assert "signature" not in event.model_dump_json()
