"""The document of an export, made while it is sent: one part in memory at a time, and no transaction held meanwhile."""

import json
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from auth.domain.exports import Export, sealed_name
from auth.queries.exports import sealed_part
from auth.vault import Vault
from common.data_export import GZIP, purpose
from common.persistence.transaction import Transaction
from common.security.encryption import SealedBox

MOST_AT_ONCE = 1 << 18
"""Bytes of text: a part may be much larger once it is unpacked."""


@dataclass(frozen=True, slots=True)
class ExportDocument:
    """A ready export. Raises LookupError on the way when it is ended meanwhile: the answer is then cut off."""

    export: Export
    vault: Vault
    begin: Callable[[], AbstractAsyncContextManager[Transaction]]

    async def stream(self) -> AsyncIterator[bytes]:
        """The whole answer, envelope included."""
        private = self.vault.unseal(self.export.sealed_private or b"", sealed_name(self.export.id))
        yield self._opening().encode()
        for number, service in enumerate(self.export.services):
            yield f"{',' if number else ''}{json.dumps(service)}:".encode()
            async for text in self._of(service, private):
                yield text
        yield b'}},"errors":null}'

    def _opening(self) -> str:
        export = self.export
        told = {
            "id": str(export.id),
            "user_id": str(export.account_id),
            "created_at": export.created_at.isoformat(),
            "ready_at": export.ready_at.isoformat() if export.ready_at else None,
        }
        return f'{{"status":"success","message":"OK","data":{json.dumps(told)[:-1]},"services":{{'

    async def _of(self, service: str, private: bytes) -> AsyncIterator[bytes]:
        """The service's own JSON object."""
        unzip = zlib.decompressobj(GZIP)
        parts = self.export.parts[service]
        for part in range(parts):
            async with self.begin() as tx:
                sealed = await sealed_part(tx, self.export.id, service, part)
            if sealed is None:
                raise LookupError(f"export {self.export.id} ended while it was read")
            packed = SealedBox.open(private, sealed, purpose(self.export.id, service, part, parts))
            while packed:
                yield unzip.decompress(packed, MOST_AT_ONCE)
                packed = unzip.unconsumed_tail
        yield unzip.flush()
