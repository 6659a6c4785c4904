"""What the gateway adds to what its services say in OpenAPI: more kinds of credentials, limits, and being away."""

from collections.abc import Iterator
from typing import Any

from common.openapi.errors import header_references, reference, shared_examples, shared_responses
from common.security.cookies import ACCESS, CSRF_HEADER, cookie_name
from common.security.scopes import SAFE, SCOPES, scope_for

Json = dict[str, Any]

BEARER = "bearer"
API_KEY = "apiKey"
COOKIE = "cookie"
CSRF = "csrf"
LIMITS = ("RateLimit", "RateLimit-Policy")
AWAY = (502, 504)

SCHEMES: Json = {
    BEARER: {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `access_token` of `POST /api/v1/auth/login`. A permission that is named is asked for.",
    },
    API_KEY: {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`ApiKey <key>`, with a key of `POST /api/v1/api-keys`. It does what its scopes open and its "
        "owner may; `read` stands for every scope that ends so, and `write` likewise. Scopes: "
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
        "description": "The `csrf_token` of the sign-in; asked for beside the cookie wherever something may change.",
    },
}

TAGS = {
    "auth": "Accounts and their owners: registration, sign-in, second factors, devices, API keys, administration.",
    "catalog": "What there is to buy: categories, products, pictures, stock.",
    "orders": "From the cart to the doorstep: cart, addresses, checkout, orders.",
    "billing": "Payments and refunds, and what payment providers report.",
    "messaging": "Messages to phones, and what became of them.",
    "notifications": "What the platform tells its users, in the app and by mail.",
    "operations": "For those who run the platform: events, dead letters, requests.",
}

INFO: Json = {
    "title": "Dukan",
    "version": "1",
    "description": """All services, as the gateway offers them.

**Answers** come in an envelope: `data` holds what was asked for, `message` is for people. A refusal has a `code` for
programs, and `errors` name the fields; `request_id` finds it in the logs.

**Money** is an integer of minor units with its currency: 2,500.00 shillings are `{"amount": 250000, "currency":
"TZS"}`. **Times** are RFC 3339 in UTC, **ids** UUIDs, **phone numbers** E.164.

**Lists** go by `page` and `page_size`, with `total`, `next` and `previous` in `meta`. Feeds go by `cursor` and
`limit`: pass on `next_cursor` until it is null.

**Repeating** a POST with the same `Idempotency-Key` gives the first answer again. After 429 and 503 wait for as many
seconds as `Retry-After` says.
""",
}


def offer(operation: Json, service: str, method: str) -> None:
    """Complete a service's operation by what the gateway does for it."""
    operation["tags"] = [service]
    operation["security"] = list(_credentials(operation.get("security", []), service, method.upper()))
    responses = operation.setdefault("responses", {})
    responses |= {str(status): reference(status) for status in AWAY}
    for response in responses.values():
        limited(response)


def limited(response: Json) -> None:
    """A response with the headers that tell of limits."""
    if "$ref" not in response:
        response["headers"] = response.get("headers", {}) | header_references(LIMITS)


def away() -> Json:
    """The components of the refusals that are the gateway's own."""
    return {"responses": shared_responses(AWAY), "examples": shared_examples(AWAY)}


def _credentials(security: list[Json], service: str, method: str) -> Iterator[Json]:
    """A service knows bearer tokens; the gateway makes one of a key or a cookie."""
    yield from security
    if any(BEARER in listed for listed in security):
        if scope := scope_for(service, method):
            yield {API_KEY: [scope]}
        yield {COOKIE: []} if method in SAFE else {COOKIE: [], CSRF: []}
