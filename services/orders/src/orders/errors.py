"""Every error that orders answers with."""

from collections.abc import Sequence
from uuid import UUID

from common.errors import Conflict, Invalid, NotFound, Unavailable


class EmptyOrder(Invalid):
    code, field = "orders.empty_order", "items"
    message = "An order needs at least one item"


class NotForSale(Invalid):
    code = "orders.not_for_sale"
    message = "A product is not for sale"


class OutOfStock(Invalid):
    code = "orders.out_of_stock"
    message = "A product is out of stock"


class QuantityTooLarge(Invalid):
    code = "orders.too_many"
    message = "Too many of one product"


class MixedCurrencies(Invalid):
    code = "orders.mixed_currencies"
    message = "An order has one currency"


class UnknownProducts(Invalid):
    """Products that the price replica does not have; catalog may know them."""

    code = "orders.unknown_product"
    message = "There is no such product"

    def __init__(self, product_ids: Sequence[UUID], field: str) -> None:
        super().__init__(f"There is no product {product_ids[0]}", field=field)
        self.product_ids = tuple(product_ids)


class PriceUnavailable(Unavailable):
    code = "orders.price_unavailable"
    message = "A price cannot be looked up right now"


class PaymentRequired(Invalid):
    """The shop has no default provider, and the checkout names none."""

    code, field = "orders.payment_required", "payment"
    message = "Say how the order is paid"


class UnknownProvider(Invalid):
    code, field = "orders.unknown_provider", "payment.provider"
    message = "There is no such payment provider"


class UnknownAddress(Invalid):
    code, field = "orders.unknown_address", "address_id"
    message = "There is no such address"


class Overloaded(Unavailable):
    code = "overloaded"
    message = "Too many orders are being processed, try again shortly"


class OrderNotFound(NotFound):
    code = "orders.unknown_order"


class IllegalTransition(Conflict):
    code = "orders.illegal_transition"
    message = "This is not possible in the current status of the order"


class CartFull(Invalid):
    code, field = "orders.cart_full", "product_id"
    message = "The cart is full"


class CartItemNotFound(NotFound):
    code = "orders.unknown_item"


class AddressNotFound(NotFound):
    code = "orders.unknown_address"


class TooManyAddresses(Invalid):
    code = "orders.too_many_addresses"
    message = "The limit of addresses per customer is reached"
