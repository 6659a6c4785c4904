"""The scenario of `dukan demo`: a purchase."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx

from common.money import format_amount
from dukan.scenario import API, Scenario, expect


@dataclass
class PurchaseScenario(Scenario):
    """A customer's purchase. The administrator reads the event journal and the e-mail log."""

    product: dict[str, Any] = field(default_factory=dict)
    order: dict[str, Any] = field(default_factory=dict)
    request_id: str = field(default_factory=lambda: f"demo-{uuid4()}")
    key: str = field(default_factory=lambda: str(uuid4()))

    def steps(self) -> Sequence[tuple[str, Callable[[], str]]]:
        return [
            ("the platform is healthy", self.check_health),
            ("register", self.register),
            ("sign in", self.sign_in),
            ("browse the catalogue", self.browse),
            ("fill the cart", self.fill_cart),
            ("check out and pay", self.check_out),
            ("send the same checkout again", self.repeat),
            ("the order's timeline", self.read_timeline),
            ("the payment", self.read_payment),
            ("in-app notification", self.read_notification),
            ("e-mails", self.read_email),
            ("message, by the sandbox", self.read_message),
            ("the tree of events", self.read_trace),
            ("sign out; the token is rejected", self.sign_out),
        ]

    def check_health(self) -> str:
        health = self.http.get("/health")
        expect(health.status_code == 200, f"/health answered {health.status_code}")
        return str(health.json()["message"])

    def browse(self) -> str:
        products = self.get("/products?in_stock=true&page_size=20&ordering=price")
        expect(bool(products), "no product is in stock: start with the sample data, or import products")
        self.product = self.get(f"/products/{products[0]['id']}")
        return f"{len(products)} products; “{self.product['title']}” for {money(self.product['final_price'])}"

    def fill_cart(self) -> str:
        self.post("/cart/items", 201, product_id=self.product["id"], quantity=2)
        cart = self.get("/cart")
        expect(cart["item_count"] > 0, "the cart is empty")
        return f"{cart['item_count']} items, {money(cart['subtotal'])}"

    def check_out(self) -> str:
        response = self.place()
        expect(response.status_code == 201, f"checkout answered {response.status_code}: {response.text[:300]}")
        self.order = response.json()["data"]
        status = self.order["status"]
        expect(status == "confirmed", f"the order is {status} ({self.order.get('status_reason')})")
        return f"{self.order['number']}: {status}, {money(self.order['total'])}"

    def repeat(self) -> str:
        again = self.place().json()["data"]
        expect(again["id"] == self.order["id"], "the same Idempotency-Key created a second order")
        return "the same order, no second charge"

    def place(self) -> httpx.Response:
        headers = {"Idempotency-Key": self.key, "Prefer": "wait=10", "X-Request-ID": self.request_id}
        items = [{"product_id": self.product["id"], "quantity": 2}]
        body = {"items": items, "payment": {"provider": "sandbox", "token": "tok_ok"}}
        return self.http.post(f"{API}/orders", json=body, headers=headers | self.credentials())

    def read_timeline(self) -> str:
        timeline = self.get(f"/orders/{self.order['id']}/timeline")
        return " → ".join(entry["status"] for entry in timeline)

    def read_payment(self) -> str:
        payments = self.get(f"/payments?order_id={self.order['id']}")
        expect(len(payments) == 1, f"{len(payments)} payments for one order")
        payment = payments[0]
        expect(payment["amount"] == self.order["total"], "the captured amount is not the order's")
        return f"{payment['status']}: {money(payment['amount'])} by {payment['provider']}"

    def read_notification(self) -> str:
        def confirmation() -> Any:
            return next((n for n in self.get("/notifications") if self.order["number"] in str(n)), None)

        notification = self.until("an in-app notification", confirmation)
        self.post(f"/notifications/{notification['id']}/read", 200)
        return str(notification["title"])

    def read_email(self) -> str:
        token = self.admin_token()

        def sent() -> Any:
            mails = self.get(f"/emails?user_id={self.user_id}&state=sent", token=token)
            return mails if len(mails) >= 2 else None

        return ", ".join(sorted(mail["template"] for mail in self.until("two e-mails", sent)))

    def read_message(self) -> str:
        def delivered() -> Any:
            return next((m for m in self.get("/messages") if m["status"] == "delivered"), None)

        message = self.until("a delivered message", delivered)
        return f"{message['channel']} to {message['recipient']}: {message['status']}"

    def read_trace(self) -> str:
        token = self.admin_token()

        def complete() -> Any:
            tree = self.get(f"/events/trace/{self.request_id}", token=token)
            return tree if "messaging.message.delivered.v1" in types_in(tree) else None

        self.tree = self.until("all events in the journal", complete)
        return f"{len(types_in(self.tree))} events, one cause"


def money(value: dict[str, Any]) -> str:
    return format_amount(value["amount"], value["currency"])


def types_in(tree: list[dict[str, Any]]) -> list[str]:
    """The types of all events of a causal tree, depth first."""
    return [t for node in tree for t in (node["type"], *types_in(node["children"]))]
