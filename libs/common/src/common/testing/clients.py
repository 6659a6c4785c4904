"""A client on a service's real application, in process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from common.bus.transport import Transport
from common.service import Service
from common.web.app import create_app
from common.web.process import Role
from common.web.tokens import TokenVerifier


@asynccontextmanager
async def serving(
    service: Service, transport: Transport, verifier: TokenVerifier, role: Role = "api"
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service while the block does. Without a verifier of its own it gets the one given."""
    if service.verifier is None:
        service.verifier = verifier
    app = create_app(service, transport, role)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client,
    ):
        yield client
