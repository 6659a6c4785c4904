"""A client on a service's real application, in the same process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from common.bus.transport import Transport
from common.security.tokens import TokenVerifier
from common.testing.documented_errors import DocumentedErrors
from common.web.app import create_app
from common.web.process import Role
from common.web.service import Service


@asynccontextmanager
async def run_service(
    service: Service,
    transport: Transport,
    verifier: TokenVerifier,
    role: Role = "api",
    *,
    checks_errors: bool = True,
) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service while the block runs. With `checks_errors`, see DocumentedErrors.

    `verifier` is for services that bring none of their own.
    """
    if service.verifier is None:
        service.verifier = verifier
    app = create_app(service, transport, role)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(DocumentedErrors(app) if checks_errors else app), base_url="http://service"
        ) as client,
    ):
        yield client
