"""A service's part of a data export: the personal data that it stores, encrypted for the export that requested it.

The data is a JSON object with a list of rows per kind, newest first, and `cut`: the kinds of which older rows did not
fit. It is compressed as it is written and split into parts that fit the bus; each part is encrypted (SealedBox).
"""

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

from common import clock
from common.contracts.auth import ExportRequested
from common.contracts.event import Event
from common.persistence.transaction import Transaction
from common.security.encryption import SealedBox

PART_BYTES = 128 * 1024
MAX_BYTES = 16 * 1024 * 1024
"""Of JSON before compression; incompressible data still fits into MAX_PARTS."""
MAX_PARTS = MAX_BYTES // PART_BYTES + 2
FETCH_SIZE = 200
GZIP = zlib.MAX_WBITS | 16

AS_JSON = "SELECT row_to_json(stored)::text AS text FROM ({}) AS stored"

ExportQueries = Mapping[str, str]
"""Kind → query of its rows, newest first; $1 is the user's id."""


class Part(Protocol):
    """The event class of a service that carries a part, see `common.contracts.data_export`."""

    def source(self) -> str: ...

    def __call__(self, *, export_id: UUID, user_id: UUID, part: int, parts: int, sealed: str) -> Event: ...


async def publish_export_parts(tx: Transaction, request: ExportRequested, queries: ExportQueries, event: Part) -> None:
    """Publish the user's data, part by part, unless the export has expired."""
    if clock.now() >= request.expires_at:
        return
    pieces = pieces_of(await collect_rows(tx, request.user_id, queries))
    public_key = urlsafe_b64decode(request.public_key)
    for number, piece in enumerate(pieces):
        sealed = SealedBox.close(public_key, piece, purpose(request.export_id, event.source(), number, len(pieces)))
        tx.publish(
            event(
                export_id=request.export_id,
                user_id=request.user_id,
                part=number,
                parts=len(pieces),
                sealed=urlsafe_b64encode(sealed).decode(),
            )
        )


def purpose(export_id: UUID, service: str, part: int, parts: int) -> str:
    """The purpose that a part is encrypted for: it cannot be passed off as another part."""
    return f"export/{export_id}/{service}/{part}/{parts}"


def pieces_of(content: bytes) -> list[bytes]:
    return [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]


async def collect_rows(tx: Transaction, user_id: UUID, queries: ExportQueries, max_bytes: int = MAX_BYTES) -> bytes:
    """The object as gzip, with at most `max_bytes` of rows; at most FETCH_SIZE rows are in memory at a time."""
    document = _Document(max_bytes)
    for kind, query in queries.items():
        document.begin(kind)
        async for row in tx.sql.cursor(AS_JSON.format(query), user_id, prefetch=FETCH_SIZE):
            if not document.add(row["text"]):
                break
    return document.end()


class _Document:
    """A JSON object that is compressed as it is written."""

    def __init__(self, max_bytes: int) -> None:
        self._left = max_bytes
        self._zip = zlib.compressobj(wbits=GZIP)
        self._content = bytearray()
        self._cut: list[str] = []
        self._kind = ""
        self._separator = ""
        self._write("{")

    def begin(self, kind: str) -> None:
        """Start the list of the next kind."""
        self._write(f"{'],' if self._kind else ''}{json.dumps(kind)}:[")
        self._kind, self._separator = kind, ""

    def add(self, row: str) -> bool:
        """Append a JSON value to the list; False if it does not fit, which `cut` will name."""
        size = len(row.encode())
        if size > self._left:
            self._cut.append(self._kind)
            return False
        self._left -= size
        self._write(f"{self._separator}{row}")
        self._separator = ","
        return True

    def end(self) -> bytes:
        self._write(f'{"]," if self._kind else ""}"cut":{json.dumps(self._cut)}}}')
        self._content += self._zip.flush()
        return bytes(self._content)

    def _write(self, text: str) -> None:
        self._content += self._zip.compress(text.encode())
