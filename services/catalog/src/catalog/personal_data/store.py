"""The queries of the data export: one per kind of data, newest first; $1 is the person's id."""

PICTURES = """
SELECT id, product_id, visibility, is_avatar, state, content_type, size_bytes, width, height, created_at
FROM media WHERE owner_id = $1 ORDER BY id DESC
"""
STOCK_ADJUSTMENTS = """
SELECT product_id, delta, reason, note, at FROM stock_ledger WHERE actor = $1 ORDER BY id DESC
"""
PRODUCT_IMPORTS = """
SELECT id, file_name, size_bytes, status, created, updated, unchanged, failed, created_at, finished_at
FROM product_import WHERE owner_id = $1 ORDER BY id DESC
"""

EXPORT_QUERIES = {
    "pictures": PICTURES,
    "stock_adjustments": STOCK_ADJUSTMENTS,
    "product_imports": PRODUCT_IMPORTS,
}
