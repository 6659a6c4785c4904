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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any
from uuid import UUID

import asyncpg
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel, TypeAdapter

from common.errors import Conflict, DukanError, Invalid
from common.persistence.database import Database
from common.persistence.transaction import Transaction

VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,255}")

# A concurrent duplicate waits at this statement until the first request has committed or failed. Claimed in key order,
# so that two groups with keys in common cannot deadlock.
CLAIM = """
INSERT INTO idempotency (user_id, route, key, request_hash)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bytea[]) AS c(user_id, route, key, hash) ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING RETURNING user_id, route, key
"""
FIRST = """
SELECT user_id, route, key, request_hash, status, body FROM idempotency
WHERE (user_id, route, key) IN (SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[]))
"""
STORE = """
UPDATE idempotency i SET status = a.status, body = a.body
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::smallint[], $5::bytea[]) AS a(user_id, route, key, status, body)
WHERE (i.user_id, i.route, i.key) = (a.user_id, a.route, a.key)
"""

PURGE = """
DELETE FROM idempotency WHERE (user_id, route, key) IN (
    SELECT user_id, route, key FROM idempotency WHERE created_at < now() - $1::text::interval LIMIT $2)
"""
PURGE_AFTER = "2 days"
PURGE_BATCH = 5000

_anything: TypeAdapter[Any] = TypeAdapter(Any)

Name = tuple[UUID, str, str]
"""User, route and key: what a repetition has in common with the first request."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that brought a key."""

    name: Name
    fingerprint: bytes


async def claim(tx: Transaction, claims: Sequence[Claim]) -> set[Name]:
    """Those of the names that nobody used before. Of two claims alike in one call, the first is meant."""
    columns = zip(*((*c.name, c.fingerprint) for c in claims), strict=True)
    rows = await tx.sql.fetch(CLAIM, *(list(column) for column in columns)) if claims else []
    return {(row["user_id"], row["route"], row["key"]) for row in rows}


async def store(tx: Transaction, answers: Mapping[Name, tuple[int, bytes]]) -> None:
    """Keep status and body for the next request of each name."""
    if answers:
        columns = zip(*((*name, *answer) for name, answer in sorted(answers.items())), strict=True)
        await tx.sql.execute(STORE, *(list(column) for column in columns))


async def replay(tx: Transaction, claims: Sequence[Claim]) -> list[Response | DukanError]:
    """The first answer to each claim that came too late, or why there is none for it."""
    names = zip(*(c.name for c in claims), strict=True)
    rows = await tx.sql.fetch(FIRST, *(list(column) for column in names)) if claims else []
    firsts = {(row["user_id"], row["route"], row["key"]): row for row in rows}
    return [_replay(firsts.get(c.name), c.fingerprint) for c in claims]


def _replay(first: asyncpg.Record | None, fingerprint: bytes) -> Response | DukanError:
    if first is None or first["status"] is None:
        return Conflict("The first request with this key left no answer", code="idempotency_key_unfinished")
    if first["request_hash"] != fingerprint:
        return Invalid("This key was used with another request", code="idempotency_key_reused", field="Idempotency-Key")
    return Response(first["body"], first["status"], {"Idempotency-Replayed": "true"}, "application/json")


class IdempotentRequest:
    """One request's key, if it brought one; without a key both methods do nothing."""

    def __init__(self, key: str | None, route: str) -> None:
        self._key = key
        self._route = route
        self._claim: Claim | None = None

    def claim_of(self, user_id: UUID, body: object) -> Claim | None:
        """What this request claims, for those who answer many requests in one transaction."""
        return Claim((user_id, self._route, self._key), sha256(_json(body)).digest()) if self._key else None

    async def begin(self, tx: Transaction, user_id: UUID, body: object) -> Response | None:
        """Claim the key as the first statement of the transaction; the first answer when it was used before."""
        self._claim = self.claim_of(user_id, body)
        if self._claim is None or await claim(tx, [self._claim]):
            return None
        (first,) = await replay(tx, [self._claim])
        if isinstance(first, DukanError):
            raise first
        return first

    async def store(self, tx: Transaction, answer: BaseModel, status_code: int) -> None:
        """Keep the answer for the next request with this key."""
        if self._claim is not None:
            await store(tx, {self._claim.name: (status_code, _json(answer))})


async def idempotent_request(
    request: Request,
    key: Annotated[
        str | None, Header(alias="Idempotency-Key", description="the same again gives the first answer again")
    ] = None,
) -> IdempotentRequest:
    """The request with its key. Raises Invalid when that is none."""
    if key is not None and not VISIBLE_ASCII.fullmatch(key):
        raise Invalid(
            "A key is 1 to 255 visible ASCII characters", code="idempotency_key_invalid", field="Idempotency-Key"
        )
    return IdempotentRequest(key, f"{request.method} {request.url.path}")


Idempotency = Annotated[IdempotentRequest, Depends(idempotent_request)]


async def purge(database: Database) -> int:
    """Delete a batch of keys older than two days; returns how many."""
    async with database.begin() as tx:
        status = await tx.sql.execute(PURGE, PURGE_AFTER, PURGE_BATCH)
    return int(status.rsplit(" ", 1)[-1])


def _json(value: object) -> bytes:
    return value.model_dump_json().encode() if isinstance(value, BaseModel) else _anything.dump_json(value)
