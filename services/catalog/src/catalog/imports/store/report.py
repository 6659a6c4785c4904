"""The report of an import: the outcome of each row."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from common.persistence.rows import columns
from common.persistence.search import contains
from common.persistence.transaction import Transaction

INSERT = """
INSERT INTO product_import_row (import_id, position, line, outcome, product_id, external_key, sku, image, errors)
SELECT $1, * FROM unnest($2::int[], $3::int[], $4::text[], $5::uuid[], $6::text[], $7::text[], $8::text[], $9::jsonb[])
"""
FOUND = contains(["sku", "external_key", "errors::text"], "$5")
PAGE = f"""
SELECT position, line, outcome, product_id, external_key, sku, image, errors FROM product_import_row
WHERE import_id = $1 AND position > $2 AND ($4::text IS NULL OR outcome = $4)
  AND ($5::text IS NULL OR {FOUND})
ORDER BY position LIMIT $3
"""  # noqa: S608 (constants of this module)


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
    tx: Transaction,
    import_id: UUID,
    after: int,
    limit: int,
    *,
    outcome: str | None = None,
    search: str | None = None,
) -> list[Mapping[str, Any]]:
    """The rows after a position, in the order of the file."""
    rows: list[Mapping[str, Any]] = await tx.sql.fetch(PAGE, import_id, after, limit, outcome, search)
    return rows
