"""What a service keeps about a person, on its way to that person and readable by nobody in between.

A JSON object with a list per kind of thing, newest first, and `cut`: the kinds whose oldest things were too much for
one answer. It is compressed as it grows, cut into parts that suit the bus, and each part is sealed for the export.
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
MOST_BYTES = 16 * 1024 * 1024
"""Of JSON before compression. What does not compress at all still fits into MOST_PARTS."""
MOST_PARTS = MOST_BYTES // PART_BYTES + 2
ROWS_AT_ONCE = 200
GZIP = zlib.MAX_WBITS | 16

AS_JSON = "SELECT row_to_json(kept)::text AS text FROM ({}) AS kept"

ExportQueries = Mapping[str, str]
"""Name of a kind → the query of its rows, newest first; $1 is the person's id."""


class Part(Protocol):
    """The class of a service's event, see `common.contracts.data_export`."""

    def source(self) -> str: ...

    def __call__(self, *, export_id: UUID, user_id: UUID, part: int, parts: int, sealed: str) -> Event: ...


async def publish_export_parts(tx: Transaction, request: ExportRequested, kinds: ExportQueries, event: Part) -> None:
    """Publish what is kept, part by part, unless the export waits no more."""
    if clock.now() >= request.expires_at:
        return
    pieces = pieces_of(await collect_rows(tx, request.user_id, kinds))
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
    """What a part is bound to: it opens in no other place."""
    return f"export/{export_id}/{service}/{part}/{parts}"


def pieces_of(content: bytes) -> list[bytes]:
    return [content[at : at + PART_BYTES] for at in range(0, len(content), PART_BYTES)]


async def collect_rows(tx: Transaction, user_id: UUID, kinds: ExportQueries, most: int = MOST_BYTES) -> bytes:
    """The object as gzip, `most` bytes of rows at most; no more than ROWS_AT_ONCE rows are held at a time."""
    document = _Document(most)
    for kind, query in kinds.items():
        document.begin(kind)
        async for row in tx.sql.cursor(AS_JSON.format(query), user_id, prefetch=ROWS_AT_ONCE):
            if not document.add(row["text"]):
                break
    return document.end()


class _Document:
    """A JSON object that is compressed as it is written."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._zip = zlib.compressobj(wbits=GZIP)
        self._content = bytearray()
        self._cut: list[str] = []
        self._kind = ""
        self._separator = ""
        self._write("{")

    def begin(self, kind: str) -> None:
        """The next list."""
        self._write(f"{'],' if self._kind else ''}{json.dumps(kind)}:[")
        self._kind, self._separator = kind, ""

    def add(self, row: str) -> bool:
        """A JSON value for the list; False when there is no room for it, which `cut` will say."""
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
