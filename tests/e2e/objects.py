"""Every operation on a single resource, found in the published document, and how to create a resource that a customer
owns.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from services.auth.tests.passkeys.authenticator import Authenticator

from common.security.permissions import least_role
from common.testing import eventually

from .pictures import picture
from .platform import API, Customer, Platform

ADDRESS = {"name": "Asha", "line1": "Uhuru Street 1", "city": "Mwanza", "country": "TZ", "phone": "+255712345678"}


@dataclass(frozen=True)
class Operation:
    """`role` is the required one: None if anyone may call it."""

    method: str
    path: str
    role: str | None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class World:
    """The customer's resources, by the name of the path's parameter."""

    owner: Customer
    ids: Mapping[str, str]

    def url(self, operation: Operation) -> str:
        return operation.path.format(**self.ids, key=self.ids["product_id"], variant="thumb")


def operations_on_things(document: Mapping[str, Any]) -> list[Operation]:
    return [
        Operation(method.upper(), path, _role(operation))
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if "{" in path
    ]


def _role(operation: Mapping[str, Any]) -> str | None:
    """`signed in`, or a role; None if no token is required."""
    security = operation["security"]
    if not security or {} in security:
        return None
    return next((least_role(permission) for permission in security[0]["bearer"]), "signed in")


Maker = Callable[[Platform, Customer], Awaitable[str]]


async def _order(platform: Platform, owner: Customer) -> str:
    order = await owner.order(await platform.product(stock=5), wait=10)
    return str(order["id"])


async def _payment(platform: Platform, owner: Customer) -> str:
    order = await owner.order(await platform.product(stock=5), token="tok_action", wait=10)
    [payment] = await owner.data("/payments", order_id=order["id"])
    return str(payment["id"])


async def _notification(platform: Platform, owner: Customer) -> str:
    async def notified() -> Any:
        return await owner.data("/notifications")

    return str((await eventually(notified))[0]["id"])


async def _message(platform: Platform, owner: Customer) -> str:
    body = {"recipient": "+255712345678", "text": "Karibu", "channel": "sms"}
    sent = await owner.post("/messages/send-text", body)
    assert sent.status_code == 202, sent.text
    return str(sent.json()["data"]["id"])


async def _address(platform: Platform, owner: Customer) -> str:
    made = await owner.post("/addresses", ADDRESS)
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


async def _cart_item(platform: Platform, owner: Customer) -> str:
    item = {"product_id": await platform.product(stock=5), "quantity": 1}
    filled = await owner.post("/cart/items", item)
    assert filled.status_code == 201, filled.text
    return str(filled.json()["data"]["items"][0]["id"])


async def _device(platform: Platform, owner: Customer) -> str:
    return str((await owner.data("/auth/devices"))[0]["id"])


async def _session(platform: Platform, owner: Customer) -> str:
    return str((await owner.data("/auth/sessions"))[0]["id"])


async def _passkey(platform: Platform, owner: Customer) -> str:
    options = await owner.post("/auth/passkeys/options")
    assert options.status_code == 200, options.text
    authenticator = Authenticator(origin=f"http://localhost:{platform.port}", site="localhost")
    made = await owner.post("/auth/passkeys", {"credential": authenticator.create(options.json()["data"])})
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


async def _user(platform: Platform, owner: Customer) -> str:
    return owner.id


async def _product(platform: Platform, owner: Customer) -> str:
    return await platform.product(stock=5)


async def _category(platform: Platform, owner: Customer) -> str:
    made = await (await platform.admin()).post("/categories", {"name": f"Category {uuid4().hex[:8]}"})
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


async def _api_key(platform: Platform, owner: Customer) -> str:
    made = await owner.post("/api-keys", {"name": "Till", "scopes": ["read"]})
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


async def _media(platform: Platform, owner: Customer) -> str:
    """A private image."""
    made = await owner.upload("POST", "/media", picture())
    assert made.status_code == 201, made.text
    return str(made.json()["data"]["id"])


async def _any_id(platform: Platform, owner: Customer) -> str:
    """Resources that only staff may see; the role is checked before the resource is looked up."""
    return str(uuid4())


# Path parameter → how to create one for the customer.
MAKERS: Mapping[str, Maker] = {
    "order_id": _order,
    "payment_id": _payment,
    "notification_id": _notification,
    "message_id": _message,
    "address_id": _address,
    "item_id": _cart_item,
    "device_id": _device,
    "session_id": _session,
    "passkey_id": _passkey,
    "user_id": _user,
    "product_id": _product,
    "category_id": _category,
    "media_id": _media,
    "api_key_id": _api_key,
    "event_id": _any_id,
    "dead_letter_id": _any_id,
    "correlation_id": _any_id,
    "identity_id": _any_id,
    "import_id": _any_id,
    # No issuer is configured: no account has an identity there.
    "provider": _any_id,
}

# Resources of a customer: any signed-in user may call, and must not find another user's.
OWNED = {
    f"{method} {API}{path}"
    for path, methods in {
        "/auth/devices/{device_id}": "DELETE",
        "/auth/sessions/{session_id}": "DELETE",
        "/auth/identities/{identity_id}": "DELETE",
        "/auth/oidc/{provider}/link": "POST",
        "/auth/passkeys/{passkey_id}": "PATCH DELETE",
        "/orders/{order_id}": "GET",
        "/orders/{order_id}/timeline": "GET",
        "/orders/{order_id}/cancel": "POST",
        "/orders/{order_id}/reorder": "POST",
        "/payments/{payment_id}": "GET",
        "/payments/{payment_id}/sandbox/complete": "POST",
        "/notifications/{notification_id}": "DELETE",
        "/notifications/{notification_id}/read": "POST",
        "/messages/{message_id}": "GET",
        "/addresses/{address_id}": "GET PUT PATCH DELETE",
        "/cart/items/{item_id}": "PATCH DELETE",
        "/media/{media_id}": "GET DELETE",
        "/api-keys/{api_key_id}": "GET DELETE",
        "/api-keys/{api_key_id}/rotate": "POST",
    }.items()
    for method in methods.split()
}

# Public resources.
PUBLIC = {
    f"GET {API}{path}"
    for path in (
        "/products/{key}",
        "/categories/{key}",
        "/categories/{category_id}/children",
        "/products/{product_id}/stock",
        "/media/{media_id}/{variant}",
        "/auth/oidc/{provider}/callback",
    )
} | {f"POST {API}/auth/oidc/{{provider}}/{step}" for step in ("start", "finish")}

BODIES: Mapping[str, Any] = {
    f"POST {API}/auth/oidc/{{provider}}/finish": {"state": "of nobody", "code": "of nobody"},
    f"PUT {API}/addresses/{{address_id}}": ADDRESS,
    f"PATCH {API}/addresses/{{address_id}}": {"line1": "Mine now"},
    f"PATCH {API}/auth/passkeys/{{passkey_id}}": {"name": "Mine now"},
    f"PATCH {API}/cart/items/{{item_id}}": {"quantity": 2},
}


async def world_of(platform: Platform, owner: Customer | None = None) -> World:
    owner = owner or await platform.customer()
    return World(owner, {name: await make(platform, owner) for name, make in MAKERS.items()})
