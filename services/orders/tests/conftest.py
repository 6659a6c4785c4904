"""An orders service with its own database, and short ways to drive it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest

from common.contracts.billing import PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.catalog import ProductCreated, StockLine, StockReserved
from common.ids import new_id
from common.money import Money
from common.persistence.database import Database
from common.service import Service
from common.testing import TestIssuer, deliver
from orders.app import build
from orders.settings import Settings

TZS = "TZS"


@dataclass
class Customer:
    """A signed-in person's way to the service."""

    id: UUID
    client: httpx.AsyncClient
    headers: dict[str, str]

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.client.request(
            method,
            f"/api/v1{path}",
            json=body,
            headers=self.headers | {k.replace("_", "-"): v for k, v in headers.items()},
        )

    async def get(self, path: str) -> Any:
        answer = await self.call("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def order(self, *products: UUID, quantity: int = 1, **body: Any) -> dict[str, Any]:
        """Place an order of the products; its view."""
        items = [{"product_id": str(product), "quantity": quantity} for product in products]
        answer = await self.call("POST", "/orders", {"items": items} | body)
        assert answer.status_code == 202, answer.text
        placed: dict[str, Any] = answer.json()["data"]
        return placed


@dataclass
class Checkout:
    """The service under test with catalog and billing played by the test."""

    service: Service
    client: httpx.AsyncClient
    tokens: TestIssuer
    sent: list[Any] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.service.database

    def customer(self, *, staff: bool = False) -> Customer:
        user_id = new_id()
        roles = ["staff"] if staff else ["customer"]
        return Customer(user_id, self.client, self.tokens.bearer(user_id, roles))

    async def product(self, amount: int = 2500_00, currency: str = TZS, *, is_active: bool = True) -> UUID:
        """A product that catalog has told of."""
        product_id = new_id()
        price = Money(amount=amount, currency=currency)
        await deliver(
            self.service,
            ProductCreated(product_id=product_id, title="Kanga", price=price, final_price=price, is_active=is_active),
        )
        return product_id

    async def reserve(self, order: dict[str, Any]) -> None:
        await deliver(self.service, reserved(order))

    async def pay(self, order: dict[str, Any]) -> None:
        await deliver(self.service, succeeded(order))

    async def confirmed(self, customer: Customer) -> dict[str, Any]:
        """An order that went all the way to its payment."""
        order = await customer.order(await self.product())
        await self.reserve(order)
        await self.pay(order)
        return order

    async def status(self, order: dict[str, Any]) -> tuple[str, str | None]:
        async with self.database.begin() as tx:
            row = await tx.sql.fetchrow("SELECT status, status_reason FROM orders WHERE id = $1", UUID(order["id"]))
        return row["status"], row["status_reason"]

    async def timeline(self, order: dict[str, Any]) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = await self.customer(staff=True).get(f"/orders/{order['id']}/timeline")
        return steps


def reserved(order: dict[str, Any]) -> StockReserved:
    lines = [StockLine(product_id=line["product_id"], quantity=line["quantity"]) for line in order["items"]]
    return StockReserved(order_id=order["id"], lines=tuple(lines))


def succeeded(order: dict[str, Any]) -> PaymentSucceeded:
    return PaymentSucceeded(
        payment_id=new_id(),
        order_id=order["id"],
        customer_id=order["user_id"],
        amount=Money(**order["total"]),
        provider="sandbox",
    )


def failed(order: dict[str, Any]) -> PaymentFailed:
    return PaymentFailed(
        payment_id=new_id(),
        order_id=order["id"],
        customer_id=order["user_id"],
        amount=Money(**order["total"]),
        provider="sandbox",
        code="card_declined",
        message="No funds",
    )


def refunded(order: dict[str, Any], amount: int) -> PaymentRefunded:
    total = Money(**order["total"])
    money = Money(amount=amount, currency=total.currency)
    return PaymentRefunded(
        payment_id=new_id(),
        order_id=order["id"],
        customer_id=order["user_id"],
        amount=money,
        refunded=money,
        captured=total,
        reason="goodwill",
    )


@pytest.fixture
async def checkout(
    fresh_database: Callable[[str], Awaitable[Database]],
    client_for: Callable[..., Awaitable[httpx.AsyncClient]],
    tokens: TestIssuer,
) -> Checkout:
    database = await fresh_database("orders")
    service = build(Settings(database_url=database.url, catalog_url="http://127.0.0.1:9"))
    return Checkout(service, await client_for(service), tokens)
