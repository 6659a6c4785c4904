"""A browser that signs in through the fake issuer."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.auth.tests.conftest import StartApi
from services.auth.tests.harness import AuthApi, data
from services.auth.tests.oidc.fake_issuer import CLIENT_ID, CLIENT_SECRET, FakeIssuer, fake_issuer

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
class Browser:
    """`finish` sends the parameters that `authorize` returned, changed by the given fields."""

    api: AuthApi
    issuer: FakeIssuer

    async def start(self, **body: Any) -> dict[str, Any]:
        started: dict[str, Any] = data(await self.api.post("/auth/oidc/company/start", body))
        return started

    async def authorize(self, **body: Any) -> dict[str, str]:
        started = await self.start(**body)
        back = await self.issuer.authorize(started["authorization_url"])
        assert back["state"] == started["state"]
        return back

    async def finish(self, back: dict[str, str], **fields: Any) -> httpx.Response:
        return await self.api.post("/auth/oidc/company/finish", back | fields)

    async def sign_in(self, **fields: Any) -> httpx.Response:
        return await self.finish(await self.authorize(), **fields)


@pytest.fixture
async def issuer() -> AsyncIterator[FakeIssuer]:
    async with fake_issuer() as running:
        yield running


@pytest.fixture
async def browser(start_api: StartApi, issuer: FakeIssuer, tmp_path: Path) -> Browser:
    return Browser(await start_api(oidc_file=file_of(tmp_path, issuer.url)), issuer)
