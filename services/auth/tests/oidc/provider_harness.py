"""A provider without the service around it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from services.auth.tests.oidc.fake_issuer import CLIENT_ID, CLIENT_SECRET, FakeIssuer

from auth.oidc.domain import ExternalIdentity
from auth.oidc.providers.config import ProviderEntry
from auth.oidc.providers.provider import Provider
from auth.oidc.usecases.pending_logins import AuthorizationRequest

HERE = "http://shop.test/signed-in"


@dataclass
class ProviderHarness:
    """`entry` is the issuer's entry in the operator's file."""

    issuer: FakeIssuer
    client: httpx.AsyncClient
    entry: ProviderEntry
    provider: Provider

    async def authorize(self) -> tuple[AuthorizationRequest, dict[str, str]]:
        request = AuthorizationRequest.create(HERE)
        url = await self.provider.authorization_url(request.state, request.secrets)
        return request, await self.issuer.authorize(url)

    async def redeem(self) -> ExternalIdentity:
        request, back = await self.authorize()
        return await self.provider.redeem(back["code"], back["iss"], request.secrets)

    def configured(self, *, allows_http: bool = True, **changes: Any) -> "ProviderHarness":
        """A copy with changes to the entry."""
        entry = self.entry.model_copy(update=changes)
        return ProviderHarness(
            self.issuer, self.client, entry, Provider("company", entry, self.client, allows_http=allows_http)
        )


@pytest.fixture
async def harness(issuer: FakeIssuer) -> AsyncIterator[ProviderHarness]:
    entry = ProviderEntry(issuer=issuer.url, client_id=CLIENT_ID, client_secret=SecretStr(CLIENT_SECRET))
    async with httpx.AsyncClient(trust_env=False) as client:
        yield ProviderHarness(issuer, client, entry, Provider("company", entry, client, allows_http=True))
