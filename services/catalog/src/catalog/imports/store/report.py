"""The report of an import: the outcome of each row."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction

SEARCHED = ("line::text", "sku", "external_key", "image", "errors::text")
INSERT = """
INSERT INTO product_import_row (import_id, position, line, outcome, product_id, external_key, sku, image, errors)
SELECT $1, * FROM unnest($2::int[], $3::int[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::jsonb[])
"""
PAGE = f"""
SELECT position, line, outcome, product_id, external_key, sku, image, errors FROM product_import_row
WHERE import_id = $1 AND position > $2 AND {{}} ($4::text IS NULL OR {contains(SEARCHED, "$4")})
ORDER BY position LIMIT $3
"""  # noqa: S608 (constants of this module)
ALL, OF_OUTCOME = PAGE.format(""), PAGE.format("outcome = $5 AND")


class Outcome(NamedTuple):
    """Of one row of the file. `errors` are `{field, code, message}`."""

    position: int
    line: int
    outcome: str
    product_id: UUID | None = None
    external_key: str | None = None
    sku: str | None = None
    image: str | None = None
    errors: Sequence[Mapping[str, str | None]] = ()


async def insert_outcomes(tx: Transaction, import_id: UUID, outcomes: Sequence[Outcome]) -> None:
    rows = [(*outcome[:-1], orjson.dumps(list(outcome.errors)).decode()) for outcome in outcomes]
    if rows:
        await tx.sql.execute(INSERT, import_id, *columns(rows))


async def list_outcomes(
    tx: Transaction, import_id: UUID, after: int, limit: int, *, outcome: str | None = None, search: str | None = None
) -> list[Mapping[str, Any]]:
    """The rows after a position, in the order of the file."""
    if outcome is None:
        rows: list[Mapping[str, Any]] = await tx.sql.fetch(ALL, import_id, after, limit, search)
    else:
        rows = await tx.sql.fetch(OF_OUTCOME, import_id, after, limit, search, outcome)
    return rows
