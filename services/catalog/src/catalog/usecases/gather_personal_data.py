"""What catalog keeps about a person: pictures, of which the files are had from /media, and adjustments of stock."""

from common.contracts.auth import ExportRequested
from common.contracts.catalog import CatalogDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction

PICTURES = """
SELECT id, product_id, visibility, is_avatar, state, content_type, size_bytes, width, height, created_at
FROM media WHERE owner_id = $1 ORDER BY id DESC
"""
ADJUSTMENTS = """
SELECT product_id, delta, reason, note, at FROM stock_ledger WHERE actor = $1 ORDER BY id DESC
"""

KINDS = {"pictures": PICTURES, "stock_adjustments": ADJUSTMENTS}


async def gather_personal_data(tx: Transaction, request: ExportRequested) -> None:
    await publish_export_parts(tx, request, KINDS, CatalogDataGathered)
