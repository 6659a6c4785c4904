"""`Idempotency-Key`: a retry with the same key and body changes nothing, and is answered like the first request.

    @router.post("/messages/send-text", status_code=202, response_model=Envelope[MessageView])
    async def post_send_text(body: SendText, caller: Caller, begin: Begin, idempotency: Idempotency) -> Any:
        async with begin() as tx:
            if (message_id := await idempotency.begin(tx, caller.user_id, body)) is not None:
                return replayed(accepted(await view_of(tx, message_id)), status_code=202)
            ...
            response = accepted(view)
            await idempotency.store(tx, response, status_code=202)
        return response

A replay shows the resource as it is now. The first response would be out of date: meanwhile the client may have been
told a later state.

Follows draft-ietf-httpapi-idempotency-key-header. A request that fails stores nothing, so its key may be used again.
Code that serves many requests in one transaction uses `claim`, `store` and `replay` directly.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any, NamedTuple
from uuid import UUID

import asyncpg
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, TypeAdapter

from common.errors import Conflict, Invalid, Rejected
from common.persistence.database import Database
from common.persistence.rows import columns, row_count
from common.persistence.transaction import Transaction

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")
REPLAYED = {"Idempotency-Replayed": "true"}

# A concurrent retry waits at this statement until the first request has committed or failed. The keys are inserted in
# key order, so that two groups with keys in common cannot deadlock.
CLAIM = """
INSERT INTO idempotency (user_id, route, key, request_hash, status, body)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[], $5::smallint[], $6::bytea[])
ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING RETURNING user_id, route, key
"""
FIND = """
SELECT user_id, route, key, request_hash, status, body FROM idempotency
WHERE (user_id, route, key) IN (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]))
"""
STORE = """
UPDATE idempotency i SET status = a.status, body = a.body
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::bytea[]) AS a(user_id, route, key, status, body)
WHERE (i.user_id, i.route, i.key) = (a.user_id, a.route, a.key)
"""

_any: TypeAdapter[Any] = TypeAdapter(Any)
PURGE = """
DELETE FROM idempotency WHERE (user_id, route, key) IN (
    SELECT user_id, route, key FROM idempotency WHERE created_at < now() - $1::text::interval LIMIT $2)
"""
PURGE_AFTER = "2 days"
PURGE_BATCH = 5000


class IdempotencyKeyInvalid(Invalid):
    code, field = "idempotency_key_invalid", "Idempotency-Key"
    message = "A key is 1 to 255 visible ASCII characters"


class IdempotencyKeyReused(Invalid):
    code, field = "idempotency_key_reused", "Idempotency-Key"
    message = "This key was used with another request"


class IdempotencyKeyUnfinished(Conflict):
    code = "idempotency_key_unfinished"
    message = "The first request with this key left no response"


IDEMPOTENCY_ERRORS = (IdempotencyKeyInvalid, IdempotencyKeyReused, IdempotencyKeyUnfinished)
"""For the `responses` of a route with `Idempotency`."""


class Key(NamedTuple):
    """Identifies a request and its retries; `value` is the header's."""

    user_id: UUID
    route: str
    value: str


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an idempotency key; the fingerprint is a hash of its body.

    If the id of the resource is known before it is created, the claim stores it, and nothing else has to be stored.
    """

    key: Key
    fingerprint: bytes
    resource_id: UUID | None = None

    @property
    def response(self) -> tuple[int | None, bytes | None]:
        """Status and body of a response with as much as a replay needs."""
        return (None, None) if self.resource_id is None else (202, _json({"data": {"id": self.resource_id}}))


class StoredResponse(NamedTuple):
    """The response of the first request with a key."""

    status: int
    body: bytes

    @property
    def resource_id(self) -> UUID:
        """The id of the resource that the request created."""
        return UUID(json.loads(self.body)["data"]["id"])


async def claim(tx: Transaction, requests: Sequence[KeyedRequest | None]) -> list[bool]:
    """Whether each request is the first with its key; a request without a key always is.

    Of two requests in one call that have the same key, the earlier one is the first.
    """
    keyed = [(*request.key, request.fingerprint, *request.response) for request in requests if request is not None]
    rows = await tx.sql.fetch(CLAIM, *columns(keyed)) if keyed else []
    unused = {Key(*row) for row in rows}
    return [request is None or _take(unused, request.key) for request in requests]


async def store(tx: Transaction, responses: Mapping[Key, StoredResponse]) -> None:
    """Keep the responses for retries."""
    if responses:
        await tx.sql.execute(STORE, *columns((*key, *response) for key, response in sorted(responses.items())))


async def replay(tx: Transaction, retries: Sequence[KeyedRequest]) -> list[StoredResponse | Rejected]:
    """For each retry the response of the first request, or the error that rejects the retry."""
    rows = await tx.sql.fetch(FIND, *columns(retry.key for retry in retries)) if retries else []
    first = {Key(row["user_id"], row["route"], row["key"]): row for row in rows}
    return [_replay(first.get(retry.key), retry.fingerprint) for retry in retries]


def _take(unused: set[Key], key: Key) -> bool:
    is_unused = key in unused
    unused.discard(key)
    return is_unused


def _replay(first: asyncpg.Record | None, fingerprint: bytes) -> StoredResponse | Rejected:
    if first is None or first["status"] is None:
        return Rejected(IdempotencyKeyUnfinished())
    if first["request_hash"] != fingerprint:
        return Rejected(IdempotencyKeyReused())
    return StoredResponse(first["status"], first["body"])


class IdempotentRequest:
    """One request and its key, if it has one; without a key, `begin` and `store` do nothing."""

    def __init__(self, value: str | None, route: str) -> None:
        self._value = value
        self._route = route
        self._keyed: KeyedRequest | None = None

    def keyed(self, user_id: UUID, body: object) -> KeyedRequest | None:
        """The key with the fingerprint of the body, for `claim`; None without a key."""
        if self._value is None:
            return None
        return KeyedRequest(Key(user_id, self._route, self._value), sha256(_json(body)).digest())

    async def begin(self, tx: Transaction, user_id: UUID, body: object) -> UUID | None:
        """Claim the key as the first statement of the transaction; if this is a retry, the id of the first resource."""
        self._keyed = self.keyed(user_id, body)
        if self._keyed is None or await claim(tx, [self._keyed]) == [True]:
            return None
        [first] = await replay(tx, [self._keyed])
        if isinstance(first, Rejected):
            raise first.error
        return first.resource_id

    async def store(self, tx: Transaction, response: BaseModel, status_code: int) -> None:
        """Keep the response for retries with this key."""
        if self._keyed is not None:
            await store(tx, {self._keyed.key: StoredResponse(status_code, _json(response))})


async def idempotent_request(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            description="A retry with the same key gets the first response",
            examples=["8e03978e-40d5-43e8-bc93-6894a57f9324"],
        ),
    ] = None,
) -> IdempotentRequest:
    """The request with its key. Raises IdempotencyKeyInvalid if the key is malformed."""
    if key is not None and not VISIBLE_ASCII.fullmatch(key):
        raise IdempotencyKeyInvalid
    return IdempotentRequest(key, f"{request.method} {request.url.path}")


Idempotency = Annotated[IdempotentRequest, Depends(idempotent_request)]


def replayed(response: BaseModel, status_code: int) -> Response:
    """The response to a retry."""
    return Response(_json(response), status_code, REPLAYED, "application/json")


async def purge(database: Database) -> int:
    """Delete a batch of keys older than two days; returns how many."""
    async with database.begin() as tx:
        status = await tx.sql.execute(PURGE, PURGE_AFTER, PURGE_BATCH)
    return row_count(status)


def _json(value: object) -> bytes:
    return value.model_dump_json().encode() if isinstance(value, BaseModel) else _any.dump_json(value)
