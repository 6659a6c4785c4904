"""The root page: name, version, status and links."""

from importlib.metadata import version

from pydantic import BaseModel

from common.web.envelope import ok
from gateway.pages.health import Health
from gateway.pages.page import Content, json_content
from gateway.routing.table import API_PREFIX

LINKS = {
    "api": API_PREFIX,
    "docs": "/docs",
    "redoc": "/redoc",
    "openapi": "/openapi.json",
    "asyncapi": "/asyncapi",
    "health": "/health",
}


class About(BaseModel):
    """`status` is up if every service is, else degraded."""

    name: str
    version: str
    status: str
    links: dict[str, str]


class Welcome:
    def __init__(self, health: Health) -> None:
        self._health = health

    async def content(self) -> Content:
        health = await self._health.check_services()
        about = About(name="Dukan", version=version("dukan-gateway"), status=health.status, links=LINKS)
        return json_content(ok(about))
