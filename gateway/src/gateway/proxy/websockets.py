"""WebSockets: checked like any request and by the page's origin; after the upgrade, bytes pass unchanged.

Sources: RFC 6455. A browser sends cookies with a WebSocket from any page and cannot set headers. Hence the check of
the origin, and the token as a subprotocol: `new WebSocket(url, ["access_token", token])`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Receive

from common.errors import BadGateway
from gateway.errors import ClientDisconnected, OriginNotAllowed
from gateway.http.context import UPGRADE, RequestContext
from gateway.http.cors import Cors
from gateway.http.headers import Header, Headers, RequestHeaders, response_headers
from gateway.http.response import serialize, tracing_headers
from gateway.proxy.connection import Connection
from gateway.proxy.forwarder import Forwarder
from gateway.proxy.tunnel import UNAUTHORIZED, Tunnel
from gateway.routing.routes import Route

SUBPROTOCOL_HEADER = b"sec-websocket-protocol"
TOKEN_SUBPROTOCOL = "access_token"  # noqa: S105 - the name of the subprotocol
UPGRADE_HEADERS: Headers = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]


def is_upgrade(context: RequestContext) -> bool:
    upgrade = context.headers.get(b"upgrade")
    return context.method == "GET" and upgrade is not None and upgrade.lower() == "websocket"


@dataclass(slots=True)
class WebSockets:
    """Opens tunnels through `forwarder`."""

    forwarder: Forwarder
    cors: Cors

    def check(self, headers: RequestHeaders) -> None:
        """Before authentication: check the origin, and move a token from the subprotocols to its header.

        Raises OriginNotAllowed.
        """
        origin = headers.get(b"origin")
        if origin is not None and not self.cors.allows(origin):
            raise OriginNotAllowed
        subprotocols = _split(headers.header(SUBPROTOCOL_HEADER))
        if TOKEN_SUBPROTOCOL in subprotocols[:-1]:
            index = subprotocols.index(TOKEN_SUBPROTOCOL)
            _authorize(headers, subprotocols.pop(index + 1))
            subprotocols.remove(TOKEN_SUBPROTOCOL)
            _replace(headers, SUBPROTOCOL_HEADER, ", ".join(subprotocols))

    async def connect(self, context: RequestContext, route: Route, receive: Receive) -> None:
        """Ask the service to upgrade and relay until the connection ends; an error of the service is relayed.

        Raises what `StreamLimits.slot` raises, before the service gets the request.
        """
        sent_token = TOKEN_SUBPROTOCOL in _split(_sent_subprotocols(context))

        async def tunnel(response: Connection) -> None:
            await self._tunnel(context, response, sent_token=sent_token)

        context.headers.forwarded.extend(UPGRADE_HEADERS)
        with self.forwarder.streams.slot(context, route):
            await self.forwarder.forward(context, route, receive, on_upgrade=tunnel)

    async def _tunnel(self, context: RequestContext, response: Connection, *, sent_token: bool) -> None:
        if not response.is_open:
            raise BadGateway
        transport, received = response.detach()
        tunnel = Tunnel(transport)
        context.start_streaming(101)
        upgrade: Callable[[bytes, Tunnel, bytes], bool] = context.scope[UPGRADE]
        head = serialize(101, _switching_headers(context, response.headers, sent_token=sent_token), b"")
        if not upgrade(head, tunnel, received):
            raise ClientDisconnected
        connections = self.forwarder.connections
        try:
            with (
                connections.registered(
                    context.identity, context.renew, lambda reason: tunnel.close(UNAUTHORIZED, reason)
                ),
                self.forwarder.drain.ending(tunnel.shut_down),
            ):
                await tunnel.closed.wait()
        finally:
            if not tunnel.closed.is_set():
                tunnel.abort()


def _switching_headers(context: RequestContext, headers: Headers, *, sent_token: bool) -> Headers:
    complete = [*response_headers(headers, 101), *UPGRADE_HEADERS, *tracing_headers(context)]
    if sent_token and SUBPROTOCOL_HEADER not in dict(complete):
        # A browser that offers subprotocols closes the connection if none is chosen.
        complete.append((SUBPROTOCOL_HEADER, TOKEN_SUBPROTOCOL.encode()))
    return complete


def _sent_subprotocols(context: RequestContext) -> str:
    headers: list[Header] = context.scope["headers"]
    return ",".join(value.decode("latin-1") for name, value in headers if name == SUBPROTOCOL_HEADER)


def _split(value: str | None) -> list[str]:
    return [part.strip() for part in (value or "").split(",") if part.strip()]


def _authorize(headers: RequestHeaders, token: str) -> None:
    """Use the token unless there is an Authorization header, so that gateway and service see the same credential."""
    if b"authorization" not in headers.known:
        headers.set_bearer(token)
        headers.known[b"authorization"] = f"Bearer {token}"


def _replace(headers: RequestHeaders, name: bytes, value: str) -> None:
    headers.remove(name)
    if value:
        headers.forwarded.append((name, value.encode("latin-1")))
