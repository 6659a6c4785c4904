"""Pictures of all kinds, and what becomes of them."""

from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from common.web.service import Service

from .conftest import data


def picture(size: tuple[int, int] = (1600, 800), kind: str = "JPEG", mode: str = "RGB", **options: Any) -> bytes:
    target = BytesIO()
    Image.new(mode, size, (200, 30, 60, 128)[: len(mode)]).save(target, kind, **options)
    return target.getvalue()


def opened(answer: httpx.Response) -> Image.Image:
    assert answer.status_code == 200, answer.text
    return Image.open(BytesIO(answer.content))


async def run_job(catalog: Service, name: str) -> None:
    job = next(job for job in catalog.jobs if job.name == name)
    while await job.run():
        pass


async def process(catalog: Service) -> None:
    await run_job(catalog, "catalog.pictures")


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def keep(client: httpx.AsyncClient, owner: dict[str, str], content: bytes | None = None, **form: str) -> Any:
    """A picture of the owner's own; the view of it."""
    files = {"file": ("me.jpg", picture((300, 200)) if content is None else content)}
    return data(await client.post("/api/v1/media", files=files, data=form, headers=owner), 201)


async def ready(catalog: Service, client: httpx.AsyncClient, owner: dict[str, str], media_id: str) -> Any:
    """The view once the variants are made."""
    await process(catalog)
    view = data(await client.get(f"/api/v1/media/{media_id}", headers=owner))
    assert view["state"] == "ready"
    return view
