"""Dependencies of auth's routes besides the caller and a transaction."""

from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import Depends, Request, Response

from auth.clients import Client, client_address
from auth.services import AuthServices
from common import context
from common.contracts.auth import SessionRevoked
from common.security.cookies import DEVICE, DEVICE_HEADER, cookie_name

MAX_USER_AGENT = 300


async def _services(request: Request) -> AuthServices:
    services: AuthServices = request.app.state.services
    return services


Services = Annotated[AuthServices, Depends(_services)]


async def _client(request: Request, services: Services) -> Client:
    peer = request.client.host if request.client else ""
    forwarded_for = ",".join(request.headers.getlist("x-forwarded-for"))
    origin = context.current()
    return Client(
        client_address(peer, forwarded_for, services.trusted_proxies),
        request.headers.get("user-agent", "")[:MAX_USER_AGENT] or None,
        origin.correlation_id if origin else None,
        device_token_of(request, services),
    )


def device_token_of(request: Request, services: AuthServices) -> str | None:
    """From the header, for applications, else from the cookie."""
    cookie = cookie_name(DEVICE, secure=services.secure_cookies)
    return request.headers.get(DEVICE_HEADER) or request.cookies.get(cookie)


async def _mark_revoked(request: Request) -> Callable[[Sequence[SessionRevoked]], None]:
    revocations = request.app.state.verifier.revocations

    def mark_revoked(ended: Sequence[SessionRevoked]) -> None:
        for event in ended:
            revocations.on_session_revoked(event)

    return mark_revoked


RequestingClient = Annotated[Client, Depends(_client)]
MarkRevoked = Annotated[Callable[[Sequence[SessionRevoked]], None], Depends(_mark_revoked)]
"""Makes this process reject ended sessions at once; other processes receive the events from the bus."""


async def _no_store(response: Response) -> None:
    response.headers["Cache-Control"] = "no-store"


NO_STORE = Depends(_no_store)
"""For routers whose responses contain secrets."""
