"""The personal data that a service publishes for a data export, decrypted as auth does."""

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from common import clock
from common.contracts.auth import ExportRequested
from common.contracts.event import Event
from common.data_export import GZIP, purpose
from common.ids import new_id
from common.security.encryption import SealedBox
from common.testing.deliveries import deliver, facts
from common.web.service import Service

E = TypeVar("E", bound=Event)


async def exported_data(service: Service, user_id: UUID, event: type[E]) -> Any:
    """The service's document about this user; `event` is the class that carries its parts."""
    private, public = SealedBox.key_pair()
    key, until = urlsafe_b64encode(public).decode(), clock.now() + timedelta(minutes=5)
    request = ExportRequested(export_id=new_id(), user_id=user_id, public_key=key, expires_at=until)
    await deliver(service, request, consumer=f"{service.name}.people")
    parts: list[Any] = [part for part in await facts(service.database, event) if part.subject == str(request.export_id)]
    packed = b"".join(_opened(private, part, service.name) for part in parts)
    return json.loads(zlib.decompress(packed, GZIP))


def _opened(private: bytes, part: Any, service: str) -> bytes:
    place = purpose(part.export_id, service, part.part, part.parts)
    return SealedBox.open(private, urlsafe_b64decode(part.sealed), place)
