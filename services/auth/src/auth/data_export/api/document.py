"""The document of an export, built while it is sent: one part in memory at a time, and no transaction in between."""

import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from auth.data_export.domain import Export, sealed_name
from auth.data_export.store import sealed_part
from auth.vault import Vault
from common.data_export import GZIP, purpose
from common.persistence.transaction import Transaction
from common.security.encryption import SealedBox

MAX_CHUNK_BYTES = 1 << 18
"""Of text: a part may be much larger once it is decompressed."""


@dataclass(frozen=True, slots=True)
class ExportDocument:
    """A ready export. If it ends while it is sent, `stream` raises LookupError and the response is cut off."""

    export: Export
    vault: Vault
    begin: Callable[[], AbstractAsyncContextManager[Transaction]]

    async def stream(self) -> AsyncIterator[bytes]:
        """The whole response body, including the envelope."""
        private = self.vault.unseal(self.export.sealed_private or b"", sealed_name(self.export.id))
        yield self._opening().encode()
        for number, service in enumerate(self.export.services):
            yield f"{',' if number else ''}{json.dumps(service)}:".encode()
            async for chunk in self._service_object(service, private):
                yield chunk
        yield b'}},"errors":null}'

    def _opening(self) -> str:
        export = self.export
        head = {
            "id": str(export.id),
            "user_id": str(export.account_id),
            "created_at": export.created_at.isoformat(),
            "ready_at": export.ready_at.isoformat() if export.ready_at else None,
        }
        return f'{{"status":"success","message":"OK","data":{json.dumps(head)[:-1]},"services":{{'

    async def _service_object(self, service: str, private: bytes) -> AsyncIterator[bytes]:
        """The service's JSON object, decrypted and decompressed."""
        decompressor = zlib.decompressobj(GZIP)
        parts = self.export.parts[service]
        for part in range(parts):
            async with self.begin() as tx:
                sealed = await sealed_part(tx, self.export.id, service, part)
            if sealed is None:
                raise LookupError(f"export {self.export.id} ended while it was read")
            compressed = SealedBox.open(private, sealed, purpose(self.export.id, service, part, parts))
            while compressed:
                yield decompressor.decompress(compressed, MAX_CHUNK_BYTES)
                compressed = decompressor.unconsumed_tail
        yield decompressor.flush()
