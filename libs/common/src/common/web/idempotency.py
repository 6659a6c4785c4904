"""`Idempotency-Key`: the same key and body gives the first answer again, however often it is sent.

    @router.post("/orders", status_code=202, response_model=Envelope[OrderView])
    async def post_order(body: PlaceOrder, caller: Caller, begin: Begin, idempotency: Idempotency) -> Any:
        async with begin() as tx:
            if (replay := await idempotency.begin(tx, caller.user_id, body)) is not None:
                return replay
            ...
            answer = accepted(view)
            await idempotency.store(tx, answer, status_code=202)
        return answer

Modelled on draft-ietf-httpapi-idempotency-key-header. A refused request stores nothing, so its key may be used again.
"""

import re
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, TypeAdapter

from common.errors import Conflict, Invalid
from common.persistence.transaction import Transaction

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")

# A concurrent duplicate waits at this statement until the first request has committed or failed.
CLAIM = """
INSERT INTO idempotency (user_id, route, key, request_hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING
"""
FIRST = "SELECT request_hash, status, body FROM idempotency WHERE (user_id, route, key) = ($1, $2, $3)"
STORE = "UPDATE idempotency SET status = $4, body = $5 WHERE (user_id, route, key) = ($1, $2, $3)"

_anything: TypeAdapter[Any] = TypeAdapter(Any)


class IdempotentRequest:
    """One request's key, if it brought one; without a key both methods do nothing."""

    def __init__(self, key: str | None, route: str) -> None:
        self._key = key
        self._route = route
        self._user_id: UUID | None = None

    async def begin(self, tx: Transaction, user_id: UUID, body: object) -> Response | None:
        """Claim the key as the first statement of the transaction; the first answer when it was used before."""
        if self._key is None:
            return None
        self._user_id = user_id
        fingerprint = sha256(_json(body)).digest()
        claimed = await tx.sql.execute(CLAIM, user_id, self._route, self._key, fingerprint)
        return None if claimed == "INSERT 0 1" else await self._replay(tx, fingerprint)

    async def store(self, tx: Transaction, answer: BaseModel, status_code: int) -> None:
        """Keep the answer for the next request with this key."""
        if self._key is not None:
            await tx.sql.execute(STORE, self._user_id, self._route, self._key, status_code, _json(answer))

    async def _replay(self, tx: Transaction, fingerprint: bytes) -> Response:
        first = await tx.sql.fetchrow(FIRST, self._user_id, self._route, self._key)
        if first is None or first["status"] is None:
            raise Conflict("The first request with this key left no answer", code="idempotency_key_unfinished")
        if first["request_hash"] != fingerprint:
            raise Invalid(
                "This key was used with another request", code="idempotency_key_reused", field="Idempotency-Key"
            )
        return Response(first["body"], first["status"], {"Idempotency-Replayed": "true"}, "application/json")


async def _idempotent_request(
    request: Request, key: Annotated[str | None, Header(alias="Idempotency-Key")] = None
) -> IdempotentRequest:
    if key is not None and not VISIBLE_ASCII.fullmatch(key):
        raise Invalid(
            "A key is 1 to 255 visible ASCII characters", code="idempotency_key_invalid", field="Idempotency-Key"
        )
    return IdempotentRequest(key, f"{request.method} {request.url.path}")


Idempotency = Annotated[IdempotentRequest, Depends(_idempotent_request)]


def _json(value: object) -> bytes:
    return value.model_dump_json().encode() if isinstance(value, BaseModel) else _anything.dump_json(value)
