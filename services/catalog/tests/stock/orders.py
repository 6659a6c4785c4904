"""Events of orders, and the stock of a product."""

from uuid import UUID

from common.contracts.orders import OrderCancelled, OrderConfirmed, OrderLine, OrderPlaced
from common.ids import new_id
from common.money import Money
from common.web.service import Service

PRICE = Money(amount=100, currency="TZS")


def lines_of(quantities: dict[UUID, int]) -> tuple[OrderLine, ...]:
    return tuple(OrderLine(product_id=p, title="x", quantity=n, unit_price=PRICE) for p, n in quantities.items())


def placed(quantities: dict[UUID, int]) -> OrderPlaced:
    return OrderPlaced(
        order_id=new_id(),
        number="DK-1",
        customer_id=new_id(),
        lines=lines_of(quantities),
        total=PRICE,
        provider="sandbox",
    )


def confirmed(order: OrderPlaced) -> OrderConfirmed:
    return OrderConfirmed(
        order_id=order.order_id,
        number=order.number,
        customer_id=order.customer_id,
        payment_id=new_id(),
        lines=order.lines,
        total=order.total,
    )


def cancelled(order: OrderPlaced) -> OrderCancelled:
    return OrderCancelled(
        order_id=order.order_id,
        number=order.number,
        customer_id=order.customer_id,
        reason="payment_declined",
        lines=order.lines,
        total=order.total,
    )


async def stock_of(catalog: Service, product: UUID) -> tuple[int, int, int]:
    """(available, reserved, sold); also checks that the ledger adds up to what is available."""
    async with catalog.database.begin() as tx:
        row = await tx.sql.fetchrow("SELECT available, reserved, sold FROM stock WHERE product_id = $1", product)
        in_ledger = await tx.sql.fetchval("SELECT sum(delta) FROM stock_ledger WHERE product_id = $1", product)
    assert in_ledger == row["available"]
    return row["available"], row["reserved"], row["sold"]
