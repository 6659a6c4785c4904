"""A connection to the database that can hang."""

import asyncio
import contextlib

from sqlalchemy.engine import make_url


class Link:
    """A proxy to the database that can fall silent: it reads and forwards nothing."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self._pumps: set[asyncio.Task[None]] = set()
        self.silent = False
        self.accepted = 0

    @property
    def url(self) -> str:
        port = self._server.sockets[0].getsockname()[1]
        return self._target.set(host="127.0.0.1", port=port).render_as_string(hide_password=False)

    async def __aenter__(self) -> None:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        far_reader, far_writer = await asyncio.open_connection(self._target.host, self._target.port)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._pumps.add(asyncio.create_task(self._pump(source, sink)))

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.closing(sink):
            while chunk := await source.read(65536):
                if not self.silent:
                    sink.write(chunk)
