"""How a server stops: readiness first, then what it has accepted, then the rest."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx
import pytest
from fastapi import FastAPI

from common.drain import Drain
from common.web.access_log import AccessLogMiddleware
from dukan import web
from dukan.ports import free_port


@dataclass
class Shop:
    """A server with one route, which answers when `go` is set or when the drain begins."""

    drain: Drain = field(default_factory=Drain)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    entered: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = field(default_factory=free_port)

    def app(self) -> FastAPI:
        app = FastAPI()
        app.state.drain = self.drain

        @app.get("/slow")
        async def get_slow() -> str:
            self.entered.set()
            await self.go.wait()
            return "done"

        @app.get("/")
        async def get_root() -> str:
            return "here"

        app.add_middleware(AccessLogMiddleware, service="shop", drain=self.drain)
        return app


@dataclass
class Running:
    shop: Shop
    server: web.Server
    serving: asyncio.Task[None]
    client: httpx.AsyncClient

    async def slow(self) -> asyncio.Task[httpx.Response]:
        """A request that the server has accepted and not answered."""
        request = asyncio.create_task(self.client.get("/slow"))
        await asyncio.wait_for(self.shop.entered.wait(), 5)
        return request


Run = Callable[..., Awaitable[Running]]


@pytest.fixture
async def run() -> AsyncIterator[Run]:
    async with AsyncExitStack() as stack:

        async def start(seconds: float, delay: float = 0.0) -> Running:
            shop = Shop()
            server = web.Server("shop", shop.app(), "127.0.0.1", shop.port, drain_seconds=seconds, drain_delay=delay)
            serving = await web.start(server)
            url = f"http://127.0.0.1:{shop.port}"
            client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, trust_env=False, timeout=20))
            return Running(shop, server, serving, client)

        yield start


async def test_a_request_that_was_accepted_is_answered(run: Run) -> None:
    running = await run(seconds=15)
    request = await running.slow()
    running.server.should_exit = True
    await _begun(running.shop.drain)
    running.shop.go.set()
    assert (await request).json() == "done"
    await running.serving


async def test_what_is_left_when_the_time_is_over_gets_503_and_a_retry_after(run: Run) -> None:
    running = await run(seconds=1)
    requests = [await running.slow() for _ in range(3)]
    running.server.should_exit = True
    for answer in await asyncio.gather(*requests):
        assert (answer.status_code, answer.json()["code"]) == (503, "stopping")
        assert answer.headers["retry-after"] == "1"
    await running.serving


async def test_new_connections_are_answered_until_load_balancers_have_noticed(run: Run) -> None:
    running = await run(seconds=10, delay=2)
    running.server.should_exit = True
    await _begun(running.shop.drain)
    answer = await running.client.get("/")
    assert (answer.json(), answer.headers["connection"]) == ("here", "close")
    await running.serving
    with pytest.raises(httpx.ConnectError):
        await running.client.get("/")


async def test_what_is_held_open_is_told_to_end_once(run: Run) -> None:
    running = await run(seconds=15)
    told: list[str] = []
    running.shop.drain.on_begin(lambda: told.append("the process"))
    running.shop.drain.on_begin(lambda: 1 / 0)  # type: ignore[arg-type]
    running.shop.drain.on_begin(running.shop.go.set)
    request = await running.slow()
    with running.shop.drain.ending(lambda: told.append("a stream")):
        running.server.should_exit = True
        assert (await request).json() == "done"
        running.shop.drain.begin()
    with running.shop.drain.ending(lambda: told.append("too late")):
        pass
    assert told == ["the process", "a stream", "too late"]
    await running.serving


async def _begun(drain: Drain) -> None:
    begun = asyncio.Event()
    with drain.ending(begun.set):
        await asyncio.wait_for(begun.wait(), 5)
