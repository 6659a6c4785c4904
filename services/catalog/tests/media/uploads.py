"""Images of all kinds, their upload and their processing."""

from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image
from services.catalog.tests.conftest import data

from common.web.service import Service


def image_file(size: tuple[int, int] = (1600, 800), kind: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    target = BytesIO()
    Image.new(mode, size, (200, 30, 60, 128)[: len(mode)]).save(target, kind, **options)
    return target.getvalue()


def open_image(response: httpx.Response) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(BytesIO(response.content))


async def run_job(catalog: Service, name: str) -> None:
    """Run the job until it finds nothing to do."""
    job = next(job for job in catalog.jobs if job.name == name)
    while await job.run():
        pass


async def process_images(catalog: Service) -> None:
    await run_job(catalog, "catalog.pictures")


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def folder_of(media_id: str, folder: Path) -> Path:
    [found] = folder.rglob(media_id)
    return found


async def upload_own(
    client: httpx.AsyncClient, owner: dict[str, str], content: bytes | None = None, **form: str
) -> Any:
    """Upload a personal picture; its view."""
    files = {"file": ("me.jpg", image_file((300, 200)) if content is None else content)}
    return data(await client.post("/api/v1/media", files=files, data=form, headers=owner), 201)


async def processed(catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], media_id: str) -> Any:
    """Process the image; its view."""
    await process_images(catalog)
    view = data(await client.get(f"/api/v1/media/{media_id}", headers=owner))
    assert view["state"] == "ready"
    return view
