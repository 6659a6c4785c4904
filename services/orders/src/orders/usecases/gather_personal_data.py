"""What orders keeps about a person."""

from common.contracts.auth import ExportRequested
from common.contracts.orders import OrdersDataGathered
from common.data_export import publish_export_parts
from common.persistence.transaction import Transaction

ORDERS = """
SELECT id, number, status, status_reason, currency, subtotal, total, lines, address, note, provider, payment_id,
       payment_status, created_at, updated_at,
       (SELECT coalesce(json_agg(json_build_object('at', at, 'status', status, 'event', event, 'detail', detail)
                                 ORDER BY step.id), '[]')
        FROM order_step AS step WHERE order_id = orders.id) AS timeline
FROM orders WHERE user_id = $1 ORDER BY id DESC
"""
ADDRESSES = """
SELECT id, name, line1, line2, city, region, postal_code, country, phone, is_default
FROM address WHERE user_id = $1 ORDER BY id DESC
"""
CART = "SELECT product_id, quantity FROM cart_item WHERE user_id = $1 ORDER BY id DESC"

KINDS = {"addresses": ADDRESSES, "cart": CART, "orders": ORDERS}


async def gather_personal_data(tx: Transaction, request: ExportRequested) -> None:
    await publish_export_parts(tx, request, KINDS, OrdersDataGathered)
