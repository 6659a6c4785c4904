"""Somebody who signs in by way of the fake issuer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.auth.tests.conftest import OpenDoor
from services.auth.tests.fake_issuer import CLIENT_ID, CLIENT_SECRET, FakeIssuer, fake_issuer
from services.auth.tests.harness import Door, data

APP = "com.example.app:/signed-in"
FILE = """
redirect_uris = ["{app}"]

[providers.company]
display_name = "Company account"
issuer = "{issuer}"
client_id = "{client_id}"
client_secret = "{client_secret}"
{more}
"""


def file_of(folder: Path, issuer: str, more: str = "") -> str:
    path = folder / "oidc.toml"
    path.write_text(FILE.format(app=APP, issuer=issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET, more=more))
    return str(path)


@dataclass
class Traveller:
    """`finish` answers what the last `travel` brought back, changed by the fields given."""

    door: Door
    issuer: FakeIssuer

    async def start(self, **body: Any) -> dict[str, Any]:
        started: dict[str, Any] = data(await self.door.post("/auth/oidc/company/start", body))
        return started

    async def travel(self, **body: Any) -> dict[str, str]:
        started = await self.start(**body)
        back = await self.issuer.authorize(started["authorization_url"])
        assert back["state"] == started["state"]
        return back

    async def finish(self, back: dict[str, str], **fields: Any) -> httpx.Response:
        return await self.door.post("/auth/oidc/company/finish", back | fields)

    async def sign_in(self, **fields: Any) -> httpx.Response:
        return await self.finish(await self.travel(), **fields)


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    async with fake_issuer() as running:
        yield running


@pytest.fixture
async def traveller(open_door: OpenDoor, issuer: FakeIssuer, tmp_path: Path) -> Traveller:
    return Traveller(await open_door(oidc_file=file_of(tmp_path, issuer.url)), issuer)
