"""Runs imports and collects their reports, as a client sees them."""

from typing import Any

import httpx
from services.catalog.tests.conftest import data
from services.catalog.tests.media.uploads import run_job

from common.web.service import Service

URL = "/api/v1/products/import"
IMPORTS = "/api/v1/products/imports"


class Importer:
    """`await importer.file(b"sku,name,price\\n…")`: the finished import, with its rows."""

    def __init__(self, catalog: Service, client: httpx.AsyncClient, staff: dict[str, str]) -> None:
        self.catalog = catalog
        self.client = client
        self.staff = staff

    async def file(self, content: bytes, name: str = "products.csv", **form: str) -> dict[str, Any]:
        return await self.finished(await self.queue(content, name, **form))

    async def rows(self, rows: list[dict[str, Any]], **body: Any) -> dict[str, Any]:
        answer = await self.client.post(URL, json={"rows": rows} | body, headers=self.staff)
        return await self.finished(data(answer, 202)["task"])

    async def queue(self, content: bytes, name: str = "products.csv", **form: str) -> dict[str, Any]:
        answer = await self.client.post(URL, files={"file": (name, content)}, data=form, headers=self.staff)
        task: dict[str, Any] = data(answer, 202)["task"]
        return task

    async def run(self) -> None:
        """Run imports until none is left."""
        await run_job(self.catalog, "catalog.imports")

    async def finished(self, task: dict[str, Any]) -> dict[str, Any]:
        """The result of a successful import and its report."""
        await self.run()
        task = await self.task(task)
        assert task["status"] == "SUCCESS", task
        result: dict[str, Any] = task["result"]
        return result | {"rows": await self.report(task)}

    async def task(self, task: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = data(await self.client.get(task["links"]["self"], headers=self.staff))
        return found

    async def report(self, task: dict[str, Any], **query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            answer = await self.client.get(task["links"]["result"], params=query | cursor, headers=self.staff)
            rows += data(answer)
            if (following := answer.json()["meta"]["next_cursor"]) is None:
                return rows
            cursor = {"cursor": following}
