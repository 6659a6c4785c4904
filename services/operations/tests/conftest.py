"""An operations service on a database of its own."""

import httpx
import pytest

from common.testing import TestIssuer
from common.testing.plugin import ClientFor, FreshDatabase
from common.web.service import Service
from operations.app import build
from operations.settings import Settings


@pytest.fixture
async def service(fresh_database: FreshDatabase) -> Service:
    database = await fresh_database("operations")
    return build(Settings.model_validate({"database_url": database.url}))


@pytest.fixture
async def staff(service: Service, client_for: ClientFor, tokens: TestIssuer) -> httpx.AsyncClient:
    """A client signed in as a member of staff."""
    client = await client_for(service)
    client.headers.update(tokens.bearer(roles=["staff"]))
    return client
