"""Verification with keys that are fetched from auth over real HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI
from httpx import ASGITransport, AsyncClient

from common.clock import now
from common.ids import new_id
from common.persistence.database import Database
from common.settings import ServiceSettings
from common.testing import RecordingTransport, TestIssuer, eventually
from common.web.app import create_app
from common.web.envelope import Envelope, ok
from common.web.service import Service

REVOKED = new_id()


def auth_app(issuer: TestIssuer, database: Database) -> FastAPI:
    public, internal = APIRouter(), APIRouter()

    @public.get("/.well-known/jwks.json")
    async def get_jwks() -> dict[str, Any]:
        return {"keys": [issuer.jwk()]}

    @internal.get("/internal/revocations")
    async def get_revocations() -> Envelope[list[dict[str, str]]]:
        return ok([{"session_id": str(REVOKED), "expires_at": (now() + timedelta(minutes=5)).isoformat()}])

    service = Service("auth", ServiceSettings(), database, routers=[public, internal], verifier=issuer.verifier())
    return create_app(service, RecordingTransport(), "api")


@asynccontextmanager
async def listening(app: FastAPI, listener: socket.socket) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await running


async def test_a_service_started_before_auth_becomes_ready_and_applies_revocations(
    service: Service, database: Database, tokens: TestIssuer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        # Connections wait in the backlog until auth serves, so a short time-out simulates an unavailable auth.
        service.settings = ServiceSettings(auth_url=url, request_timeout=0.2)
        app = create_app(service, RecordingTransport(), "api")
        async with (
            app.router.lifespan_context(app),
            AsyncClient(transport=ASGITransport(app), base_url="http://shop") as client,
        ):
            assert (await client.get("/health/ready")).status_code == 503
            async with listening(auth_app(tokens, database), listener):

                async def ready() -> bool:
                    return (await client.get("/health/ready")).status_code == 200

                await eventually(ready)
                assert (await client.get("/api/v1/me", headers=tokens.bearer())).status_code == 200
                revoked = await client.get("/api/v1/me", headers=tokens.bearer(sid=str(REVOKED)))
                assert revoked.json()["code"] == "session_revoked"
