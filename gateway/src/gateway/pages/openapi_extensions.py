"""What the gateway adds to the OpenAPI documents of its services: credentials, limits, and its own errors."""

from collections.abc import Iterator
from typing import Any

from common.openapi.errors import header_references, reference, shared_examples, shared_responses
from common.security.cookies import ACCESS, CSRF_HEADER, cookie_name
from common.security.scopes import SAFE, SCOPES, scope_for, scoped_service

Json = dict[str, Any]

BEARER = "bearer"
API_KEY = "apiKey"
COOKIE = "cookie"
CSRF = "csrf"
LIMIT_HEADERS = ("RateLimit", "RateLimit-Policy")
GATEWAY_STATUSES = (502, 504)

SCHEMES: Json = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `access_token` of `POST /api/v1/auth/login`. The listed permissions are required.",
    },
    API_KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`ApiKey <key>`, with a key of `POST /api/v1/api-keys`. It may do what its scopes and its "
        "owner's permissions allow; `read` includes every scope that ends in `read`, and `write` likewise. Scopes: "
        + ", ".join(f"`{scope}`" for scope in SCOPES)
        + ".",
    },
    COOKIE: {
        "type": "apiKey",
        "in": "cookie",
        "name": cookie_name(ACCESS, secure=True),
        "description": "Set by a sign-in with `cookies: true`, for browsers. Without HTTPS, on a developer's machine, "
        f"it is called `{ACCESS}`.",
    },
    CSRF: {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "The `csrf_token` of the sign-in; required with the cookie for methods that change something.",
    },
}

TAGS = {
    "auth": "Accounts and their owners: registration, sign-in, second factors, devices, API keys, administration.",
    "catalog": "What is for sale: categories, products, images, stock.",
    "orders": "From the cart to the delivery: cart, addresses, checkout, orders.",
    "billing": "Payments and refunds, and the webhooks of payment providers.",
    "messaging": "Messages to phones, and their delivery status.",
    "notifications": "Notifications to users, in the app and by e-mail.",
    "operations": "For operators of the platform: events, dead letters, requests.",
}

INFO: Json = {
    "title": "Dukan",
    "version": "1",
    "description": """The API of all services, through the gateway.

**Responses** come in an envelope: `data` holds the result, `message` is for people. An error has a `code` for
programs, and `errors` name the fields; `request_id` finds the request in the logs.

**Money** is an integer of minor units with its currency: 2,500.00 shillings are `{"amount": 250000, "currency":
"TZS"}`. **Times** are RFC 3339 in UTC, **ids** UUIDs, **phone numbers** E.164.

**Lists** are paged by `page` and `page_size`, with `total`, `next` and `previous` in `meta`. Feeds are paged by
`cursor` and `limit`: send `next_cursor` as `cursor` until it is null.

**Retries** of a POST with the same `Idempotency-Key` return the first response. After 429 and 503 wait for as many
seconds as `Retry-After` says.
""",
}


def extend_operation(operation: Json, service: str, method: str, path: str) -> None:
    """Add the tag, the gateway's credentials, its errors and its headers to a service's operation."""
    operation["tags"] = [service]
    operation["security"] = list(
        _credentials(operation.get("security", []), scoped_service(service, path), method.upper())
    )
    responses = operation.setdefault("responses", {})
    responses |= {str(status): reference(status) for status in GATEWAY_STATUSES}
    for response in responses.values():
        add_limit_headers(response)


def add_limit_headers(response: Json) -> None:
    if "$ref" not in response:
        response["headers"] = response.get("headers", {}) | header_references(LIMIT_HEADERS)


def gateway_components() -> Json:
    """The components of the gateway's own errors."""
    return {"responses": shared_responses(GATEWAY_STATUSES), "examples": shared_examples(GATEWAY_STATUSES)}


def _credentials(security: list[Json], service: str, method: str) -> Iterator[Json]:
    """A service knows bearer tokens only; the gateway exchanges API keys and cookies for one."""
    yield from security
    if any(BEARER in scheme for scheme in security):
        if scope := scope_for(service, method):
            yield {API_KEY: [scope]}
        yield {COOKIE: []} if method in SAFE else {COOKIE: [], CSRF: []}
