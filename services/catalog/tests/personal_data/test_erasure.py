"""Erasure of a person."""

from pathlib import Path

import httpx
from services.catalog.tests.conftest import MakeProduct, data, problem
from services.catalog.tests.media.uploads import files_in, image_file, open_image, processed, run_job, upload_own

from common.contracts.auth import UserErased
from common.ids import new_id
from common.testing import TestIssuer, deliver
from common.web.service import Service


async def test_an_erasure_deletes_personal_pictures_and_keeps_product_images(
    catalog: Service, client: httpx.AsyncClient, make_product: MakeProduct, tokens: TestIssuer, tmp_path: Path
) -> None:
    clerk = new_id()
    as_staff = tokens.bearer(clerk, ["staff"])
    path = f"/api/v1/products/{(await make_product())['id']}"
    data(await client.post(f"{path}/images", files={"file": ("b.jpg", image_file())}, headers=as_staff), 201)
    own = await upload_own(client, as_staff)
    await client.put("/api/v1/auth/me/avatar", files={"file": ("me.jpg", image_file())}, headers=as_staff)
    url = (await processed(catalog, client, as_staff, own["id"]))["url"]
    assert open_image(await client.get(url))
    erased = UserErased(user_id=clerk)
    await deliver(catalog, erased)
    await deliver(catalog, erased)
    await run_job(catalog, "catalog.discarded")
    problem(await client.get(url), 404, "not_found")
    assert not files_in(tmp_path / "media" / "private")
    [image] = data(await client.get(path))["images"]
    assert open_image(await client.get(image["url"]))
    async with catalog.database.begin() as tx:
        assert await tx.sql.fetchval("SELECT count(*) FROM media WHERE owner_id = $1", clerk) == 0


async def test_an_erasure_keeps_imports_without_the_person(
    catalog: Service, client: httpx.AsyncClient, tokens: TestIssuer
) -> None:
    clerk = new_id()
    file = {"file": ("pots.csv", b"sku,title,price\nA,Pot,1\n")}
    answer = await client.post("/api/v1/products/import", files=file, headers=tokens.bearer(clerk, ["staff"]))
    data(answer, 202)
    await deliver(catalog, UserErased(user_id=clerk))
    await run_job(catalog, "catalog.imports")
    [task] = data(await client.get("/api/v1/products/imports", headers=tokens.bearer(roles=["staff"])))
    assert (task["status"], task["owner_id"]) == ("SUCCESS", None)
