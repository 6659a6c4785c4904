"""A TCP proxy between services and broker or database that injects network faults."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

Way = Literal["flow", "stall", "swallow", "refuse"]
"""flow: forward. stall: accept, but read and forward nothing. swallow: read, forward nothing (half-open). refuse: close
new connections at once.
"""

CHUNK = 1 << 16
CONNECT_SECONDS = 5.0
# How long a half-open connection is kept for the side that has not closed it yet.
SWALLOWED_SECONDS = 120.0
# `user\\0dukan_orders\\0` of PostgreSQL's start-up packet, `connection_name` of AMQP's client properties.
NAMES = (re.compile(rb"user\x00([^\x00]+)\x00"), re.compile(rb"connection_nameS...[\x00-\xff]([\w.-]+)"))


@dataclass(eq=False)
class ProxiedConnection:
    """One proxied connection. `owner` is the database role or the AMQP connection's name, empty if neither is sent."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    way: Way = "flow"
    delay: float = 0.0
    owner: str = ""
    cut_after: int | None = None
    is_cut: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def become(self, way: Way) -> None:
        """Swallowed data is lost: a half-open connection never forwards again."""
        if self.way != "swallow":
            self.way = way
            self.changed.set()

    def cut(self) -> None:
        """Reset both sides."""
        self.is_cut = True
        for side in (self.client, self.server):
            side.transport.abort()


class Proxy:
    """Forwards 127.0.0.1:`port` to 127.0.0.1:`target`. New connections behave as `way` and `delay` say."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.way: Way = "flow"
        self.delay = 0.0
        self._links: set[ProxiedConnection] = set()
        self._server: asyncio.Server | None = None

    def links(self, owner: str = "") -> list[ProxiedConnection]:
        """The open connections whose owner has this prefix, oldest first: a stable order for seeded choices."""
        return [link for link in self._links_in_order() if link.owner.startswith(owner)]

    def _links_in_order(self) -> Sequence[ProxiedConnection]:
        return sorted(self._links, key=lambda link: (link.owner, link.client.get_extra_info("peername") or ()))

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self._links):
            link.cut()

    def become(self, way: Way, delay: float = 0.0) -> None:
        """All connections, current and future."""
        self.way, self.delay = way, delay
        for link in self._links:
            link.delay = delay
            link.become(way)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.way == "refuse":
            writer.transport.abort()
            return
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                upstream, server = await asyncio.open_connection("127.0.0.1", self.target)
        except (OSError, TimeoutError):
            writer.transport.abort()
            return
        link = ProxiedConnection(writer, server, delay=self.delay)
        link.become(self.way)
        self._links.add(link)
        try:
            await _join(link, reader, upstream)
        finally:
            self._links.discard(link)
            link.cut()


async def _join(link: ProxiedConnection, from_client: asyncio.StreamReader, from_server: asyncio.StreamReader) -> None:
    """Until one side ends; if half-open, until both have, because neither is notified."""
    pumps = [
        asyncio.create_task(_pump(link, from_client, link.server, _names(link))),
        asyncio.create_task(_pump(link, from_server, link.client, lambda _: None)),
    ]
    try:
        await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        if link.way == "swallow":
            await asyncio.wait(pumps, timeout=SWALLOWED_SECONDS)
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(
    link: ProxiedConnection, source: asyncio.StreamReader, sink: asyncio.StreamWriter, look: Callable[[bytes], None]
) -> None:
    with contextlib.suppress(OSError):
        while True:
            await _while_stalled(link)
            chunk = await source.read(CHUNK)
            if not chunk:
                return
            look(chunk)
            await _forward(link, chunk, sink)


async def _while_stalled(link: ProxiedConnection) -> None:
    while link.way == "stall":
        link.changed.clear()
        await link.changed.wait()


async def _forward(link: ProxiedConnection, chunk: bytes, sink: asyncio.StreamWriter) -> None:
    # A chunk that was already read when the connection stalled is held back as well.
    await _while_stalled(link)
    if link.way == "swallow":
        return
    if link.delay:
        await asyncio.sleep(link.delay)
    if link.cut_after is not None:
        chunk, link.cut_after = chunk[: link.cut_after], link.cut_after - len(chunk)
    sink.write(chunk)
    await sink.drain()
    if link.cut_after is not None and link.cut_after <= 0:
        link.cut()


def _names(link: ProxiedConnection) -> Callable[[bytes], None]:
    """Reads the owner from the client's first data."""

    def look(chunk: bytes) -> None:
        if not link.owner:
            found = next((match for pattern in NAMES if (match := pattern.search(chunk))), None)
            link.owner = found.group(1).decode() if found else ""

    return look
