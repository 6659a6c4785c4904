"""Drives an orders service: customers and staff at its API, events of catalog and billing."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from common.contracts.billing import PaymentActionRequired, PaymentFailed, PaymentRefunded, PaymentSucceeded
from common.contracts.catalog import ProductCreated, StockAdjusted, StockLine, StockRejected, StockReserved
from common.ids import new_id
from common.money import Money
from common.persistence.database import Database
from common.testing import TestIssuer, deliver
from common.web.service import Service

Json = dict[str, Any]
"""An order of the API."""


@dataclass
class User:
    """A signed-in customer or member of staff."""

    id: UUID
    client: httpx.AsyncClient
    headers: dict[str, str]

    async def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        return await self.client.request(
            method, f"/api/v1{path}", json=body, headers=self.headers | (headers or {}), timeout=30
        )

    async def get(self, path: str) -> Any:
        return data(await self.call("GET", path))

    async def order(self, *products: UUID, **body: object) -> Json:
        """Place an order of one of each product."""
        items = [{"product_id": str(product), "quantity": 1} for product in products]
        placed: Json = data(await self.call("POST", "/orders", {"items": items} | body), 202)
        return placed


@dataclass
class Harness:
    """The service under test."""

    service: Service
    client: httpx.AsyncClient
    tokens: TestIssuer

    @property
    def database(self) -> Database:
        return self.service.database

    def customer(self) -> User:
        return self._user("customer")

    def staff(self) -> User:
        return self._user("staff")

    def _user(self, role: str) -> User:
        user_id = new_id()
        return User(user_id, self.client, self.tokens.bearer(user_id, [role]))

    async def product(
        self, amount: int = 250_000, currency: str = "TZS", *, stock: int | None = None, **fields: Any
    ) -> UUID:
        """A product in the price replica, and in that of stock if a level is given."""
        product_id = new_id()
        price = Money(amount=amount, currency=currency)
        given = {"price": price, "final_price": price} | fields
        await deliver(self.service, ProductCreated(product_id=product_id, title="Kanga", **given))
        if stock is not None:
            await self.set_stock(product_id, stock)
        return product_id

    async def set_stock(self, product_id: UUID, available: int) -> None:
        await deliver(self.service, StockAdjusted(product_id=product_id, delta=1, available=available))

    async def awaiting_payment(self, customer: User) -> Json:
        order = await customer.order(await self.product())
        await deliver(self.service, reserved(order))
        return order

    async def confirmed(self, customer: User) -> Json:
        order = await self.awaiting_payment(customer)
        await deliver(self.service, succeeded(order))
        return order

    async def run_job(self, name: str) -> int | None:
        return await next(job for job in self.service.jobs if job.name == name).run()

    async def status(self, order: Json) -> tuple[str, str | None]:
        """Status and reason in the database."""
        async with self.database.begin() as tx:
            row = await tx.sql.fetchrow("SELECT status, status_reason FROM orders WHERE id = $1", UUID(order["id"]))
        return row["status"], row["status_reason"]

    async def timeline(self, order: Json) -> list[Json]:
        steps: list[Json] = await self.staff().get(f"/orders/{order['id']}/timeline")
        return steps

    async def count(self, table: str) -> int:
        async with self.database.begin() as tx:
            counted: int = await tx.sql.fetchval(f"SELECT count(*) FROM {table}")
        return counted


def data(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()["data"]


def problem(response: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and field of an error response."""
    body = response.json()
    return response.status_code, body["code"], body["errors"][0]["field"]


def reserved(order: Json) -> StockReserved:
    lines = [StockLine(product_id=line["product_id"], quantity=line["quantity"]) for line in order["items"]]
    return StockReserved(order_id=UUID(order["id"]), lines=tuple(lines))


def rejected(order: Json, reason: str = "out_of_stock") -> StockRejected:
    return StockRejected(order_id=UUID(order["id"]), reason=reason)


def succeeded(order: Json) -> PaymentSucceeded:
    return PaymentSucceeded(**_payment(order), amount=Money(**order["total"]))


def failed(order: Json) -> PaymentFailed:
    return PaymentFailed(**_payment(order), amount=Money(**order["total"]), code="card_declined", message="No funds")


def action_required(order: Json) -> PaymentActionRequired:
    return PaymentActionRequired(**_payment(order), action_type="redirect", action_url="https://pay.example/1")


def refunded(order: Json, amount: int) -> PaymentRefunded:
    """`amount` is the total refunded so far."""
    captured = Money(**order["total"])
    back = Money(amount=amount, currency=captured.currency)
    return PaymentRefunded(**_payment(order), amount=back, refunded=back, captured=captured, reason="goodwill")


def _payment(order: Json) -> Json:
    named = {"order_id": order["id"], "customer_id": order["user_id"], "provider": "sandbox"}
    # One payment per order, so its id can be derived.
    return named | {"payment_id": UUID(int=UUID(order["id"]).int ^ 1)}
