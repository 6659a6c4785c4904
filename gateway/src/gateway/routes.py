"""Which service answers what: the one table. Whether a resource is public is the service's matter."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

API_PREFIX = "/api/v1"
SERVICES = ("auth", "catalog", "orders", "billing", "messaging", "notifications", "operations")

DEFAULT = "default"
SIGN_IN = "sign-in"
OFFER = "offer"
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """`prefix` is below /api/v1 and matches whole segments; the longest that matches wins.

    `timeout` is seconds until the service's answer begins, longer than any of its own. `checks_identity` is off
    where the Authorization header is somebody else's, or nobody's credentials matter. `body_limit` is bytes, where
    the setting does not fit. `family` names what may be kept of public answers, and is forgotten together when
    something in it changes. `compresses` is off where answers carry tokens and codes. `websocket` lets clients
    upgrade. `max_streams` is how many WebSockets, streams and long answers a caller may hold when he opens one here.
    """

    prefix: str
    service: str
    timeout: float = 10.0
    rate: str = DEFAULT
    checks_identity: bool = True
    body_limit: int | None = None
    family: str | None = None
    compresses: bool = True
    websocket: bool = False
    max_streams: int = 20


def _routes(
    service: str, *prefixes: str, timeout: float = 10.0, rate: str = DEFAULT, compresses: bool = True
) -> tuple[Route, ...]:
    return tuple(Route(prefix, service, timeout, rate, compresses=compresses) for prefix in prefixes)


ROUTES: tuple[Route, ...] = (
    *_routes("auth", "/auth", "/users", "/api-keys", compresses=False),
    *_routes("auth", "/auth/login", "/auth/otp", "/auth/oidc", "/auth/password/reset", rate=SIGN_IN, compresses=False),
    # Pages of letters and issuers: a browser that happens to be signed in posts them as well, without a CSRF token.
    Route("/auth/forms", "auth", rate=SIGN_IN, checks_identity=False, compresses=False),
    # May be asked to wait ten seconds until every service has answered.
    *_routes("auth", "/auth/me/export", timeout=15.0, compresses=False),
    # A product shows its category, and a category says what is listed: one family.
    Route("/products", "catalog", family=OFFER),
    Route("/categories", "catalog", family=OFFER),
    *_routes("catalog", "/occasions", "/posts", "/customer-groups", "/business-categories"),
    *_routes("catalog", "/frames", "/renders", "/banners", "/birthday-posts", "/splash-screens", "/tutorials"),
    *_routes("catalog", "/testimonials", "/pages", "/app-config", "/enquiries", "/feedback", "/dashboard"),
    # A part of the account, and a picture: catalog keeps it.
    Route("/auth/me/avatar", "catalog", timeout=30.0, compresses=False),
    # Pages full of pictures, for all who sit behind one address.
    Route("/media", "catalog", timeout=30.0, body_limit=64 * MEGABYTE, max_streams=100),
    # Checkout may be asked to wait ten seconds for the outcome.
    *_routes("orders", "/orders", timeout=15.0),
    *_routes("orders", "/cart", "/addresses"),
    *_routes("billing", "/plans", "/payment-methods", "/subscriptions", "/credits", "/invoices"),
    *_routes("billing", "/payments", timeout=20.0),
    Route("/webhooks", "billing", checks_identity=False),
    Route("/webhooks/whatsapp", "messaging", checks_identity=False),
    Route("/webhooks/sms", "messaging", checks_identity=False),
    *_routes("messaging", "/whatsapp", "/messages", "/message-templates", "/campaigns"),
    Route("/notifications", "notifications", websocket=True),
    *_routes("notifications", "/email-templates", "/emails", "/unsubscribe"),
    *_routes("operations", "/tasks", "/analytics", "/events", "/dead-letters"),
    Route("/.well-known", "auth"),
)

# Documents whose place the world has fixed stand at the root as well.
AT_ROOT = "/.well-known/"


class RouteTable:
    """Finds a path's route by its first segment, then by the longest prefix."""

    def __init__(self, routes: Iterable[Route], longest_timeout: float) -> None:
        self._by_head: dict[str, list[Route]] = {}
        for listed in sorted(routes, key=lambda route: len(route.prefix), reverse=True):
            route = replace(listed, timeout=min(listed.timeout, longest_timeout))
            self._by_head.setdefault(_head(route.prefix), []).append(route)

    def find(self, path: str) -> Route | None:
        """The route of a decoded path such as /api/v1/auth/login, or None."""
        if path.startswith(f"{API_PREFIX}/"):
            path = path[len(API_PREFIX) :]
        elif not path.startswith(AT_ROOT):
            return None
        below = path.rstrip("/")
        for route in self._by_head.get(_head(below), ()):
            if below == route.prefix or below.startswith(f"{route.prefix}/"):
                return route
        return None


def _head(path: str) -> str:
    return path[1:].partition("/")[0]
