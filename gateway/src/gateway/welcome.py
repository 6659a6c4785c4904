"""What the root answers: who this is and where to look."""

from importlib.metadata import version

from pydantic import BaseModel

from common.web.envelope import ok
from gateway.health import Health
from gateway.pages import Content, json_of
from gateway.routes import API_PREFIX

LINKS = {
    "api": API_PREFIX,
    "docs": "/docs",
    "redoc": "/redoc",
    "openapi": "/openapi.json",
    "asyncapi": "/asyncapi",
    "health": "/health",
}


class About(BaseModel):
    """`status` is up when every service is, else degraded."""

    name: str
    version: str
    status: str
    links: dict[str, str]


class Welcome:
    def __init__(self, health: Health) -> None:
        self._health = health

    async def content(self) -> Content:
        health = await self._health.ask()
        return json_of(ok(About(name="Dukan", version=version("dukan-gateway"), status=health.status, links=LINKS)))
