"""The built-in routes. Whether a resource is public is decided by its service, not here."""

from dataclasses import dataclass

SERVICES = ("auth", "catalog", "orders", "billing", "messaging", "notifications", "operations")

DEFAULT = "default"
SIGN_IN = "sign-in"
CATALOG_TAG = "catalog"
"""Cache tag: a product shows its category, and a category its products, so both are purged together."""
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """Requests whose path starts with `prefix` (below /api/v1, whole segments) go to `service`.

    - `timeout`: seconds until the service's response starts; longer than any time-out within the service
    - `rate`: the limit that applies, DEFAULT or SIGN_IN
    - `checks_identity`: off where the Authorization header is a third party's, or credentials do not matter
    - `body_limit`: bytes, where the setting does not fit
    - `cache_tag`: allows caching of public responses, which are purged by this tag
    - `compresses`: off where responses carry tokens and codes
    - `websocket`: clients may upgrade
    - `max_streams`: how many WebSockets, streams and long responses a caller may hold when opening one here
    """

    prefix: str
    service: str
    timeout: float = 10.0
    rate: str = DEFAULT
    checks_identity: bool = True
    body_limit: int | None = None
    cache_tag: str | None = None
    compresses: bool = True
    websocket: bool = False
    max_streams: int = 20


ROUTES: tuple[Route, ...] = (
    Route("/auth", "auth", compresses=False),
    Route("/users", "auth", compresses=False),
    Route("/api-keys", "auth", compresses=False),
    Route("/auth/login", "auth", rate=SIGN_IN, compresses=False),
    Route("/auth/otp", "auth", rate=SIGN_IN, compresses=False),
    Route("/auth/oidc", "auth", rate=SIGN_IN, compresses=False),
    Route("/auth/password/reset", "auth", rate=SIGN_IN, compresses=False),
    # Forms that e-mails and OIDC issuers lead to: a signed-in browser posts them too, without a CSRF token.
    Route("/auth/forms", "auth", rate=SIGN_IN, checks_identity=False, compresses=False),
    # The client may ask to wait up to ten seconds for the answers of all services.
    Route("/auth/me/export", "auth", timeout=15.0, compresses=False),
    # Part of the account, but an image: catalog stores it.
    Route("/auth/me/avatar", "catalog", timeout=30.0, compresses=False),
    Route("/.well-known", "auth"),
    Route("/products", "catalog", cache_tag=CATALOG_TAG),
    # A file of 100,000 products; a slow link needs its time to send it.
    Route("/products/import", "catalog", timeout=30.0, body_limit=64 * MEBIBYTE),
    Route("/categories", "catalog", cache_tag=CATALOG_TAG),
    # A page shows many images at once, and several people may share an address.
    Route("/media", "catalog", timeout=30.0, body_limit=64 * MEBIBYTE, max_streams=100),
    # The client may ask to wait up to ten seconds for the outcome of a checkout.
    Route("/orders", "orders", timeout=15.0),
    Route("/cart", "orders"),
    Route("/addresses", "orders"),
    Route("/payments", "billing", timeout=20.0),
    Route("/webhooks", "billing", checks_identity=False),
    Route("/messages", "messaging"),
    Route("/notifications", "notifications", websocket=True),
    Route("/emails", "notifications"),
    Route("/analytics", "operations"),
    Route("/events", "operations"),
    Route("/dead-letters", "operations"),
)
