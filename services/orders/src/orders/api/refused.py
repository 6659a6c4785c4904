"""What the routes refuse, for the OpenAPI document; who raises it is elsewhere."""

from common.openapi.errors import ErrorDoc, error_docs

_UNKNOWN_ORDER = ErrorDoc(404, "orders.unknown_order", "There is no such order")
_NOT_FOR_SALE = ErrorDoc(422, "orders.not_for_sale", "Woven basket is not for sale", "items.0.product_id")
_TOO_MANY = ErrorDoc(422, "orders.too_many", "At most 1000 of one product", "items.0.quantity")
_PRICE_UNAVAILABLE = ErrorDoc(503, "orders.price_unavailable", "A price cannot be looked up right now")

PLACING = error_docs(
    ErrorDoc(409, "idempotency_key_unfinished", "The first request with this key left no answer"),
    ErrorDoc(422, "orders.empty_order", "An order needs at least one item", "items"),
    ErrorDoc(422, "orders.unknown_address", "There is no such address", "address_id"),
    ErrorDoc(422, "orders.unknown_provider", "Payment goes through one of: sandbox", "payment.provider"),
    ErrorDoc(422, "idempotency_key_reused", "This key was used with another request", "Idempotency-Key"),
    _NOT_FOR_SALE,
    _TOO_MANY,
    _PRICE_UNAVAILABLE,
    ErrorDoc(503, "rush", "Too many orders are on their way, try again shortly"),
)
LOOKING = error_docs(_UNKNOWN_ORDER)
COMMANDING = error_docs(
    _UNKNOWN_ORDER,
    ErrorDoc(409, "orders.illegal_transition", "This is not possible for an order that is delivered"),
)
FILLING = error_docs(
    ErrorDoc(422, "orders.cart_full", "A cart holds at most 100 products", "product_id"),
    _NOT_FOR_SALE._replace(field="product_id"),
    _TOO_MANY._replace(field="quantity"),
    _PRICE_UNAVAILABLE,
)
CHANGING_ITEM = error_docs(ErrorDoc(404, "orders.unknown_item", "There is no such item in the cart"))
ADDING_ADDRESS = error_docs(ErrorDoc(422, "orders.too_many_addresses", "At most 50 addresses"))
ADDRESS = error_docs(ErrorDoc(404, "orders.unknown_address", "There is no such address"))
