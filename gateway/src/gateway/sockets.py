"""WebSockets: who may open one is judged as for any request and by the page's origin; then bytes pass as they are.

Sources: RFC 6455. A browser sends cookies with a WebSocket from any page and cannot set headers, hence the check of
the origin, and the token as a subprotocol: `new WebSocket(url, ["access_token", token])`.
"""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import Receive

from common.errors import Forbidden
from gateway.connection import Connection
from gateway.cors import Cors
from gateway.errors import BadGateway, ClientLeft
from gateway.exchange import Exchange, whole
from gateway.forward import Forwarder
from gateway.headers import Header, Headers, Inbound, answer_headers
from gateway.held import Held
from gateway.routes import Route
from gateway.tunnel import NOT_LET_IN, Tunnel

TAKE_OVER = "dukan.take_over"
"""Where a scope whose client asks to upgrade has a function that makes the connection a tunnel's."""
TakeOver = Callable[[bytes, Tunnel, bytes], bool]
"""Writes the answer's head and starts the tunnel with what the service sent already; False when the client has left."""

OFFERED = b"sec-websocket-protocol"
TOKEN = "access_token"  # noqa: S105 - the name of the subprotocol
UPGRADE = [(b"connection", b"Upgrade"), (b"upgrade", b"websocket")]


def asks_for_socket(exchange: Exchange) -> bool:
    given = exchange.inbound.get(b"upgrade")
    return exchange.method == "GET" and given is not None and given.lower() == "websocket"


@dataclass(slots=True)
class Sockets:
    """Opens tunnels through `forwarder`; `held` ends them."""

    forwarder: Forwarder
    cors: Cors
    held: Held

    def judge(self, inbound: Inbound) -> None:
        """Refuse a page of another origin, and take the token out of the subprotocols. Before identity is checked."""
        origin = inbound.get(b"origin")
        if origin is not None and not self.cors.allows(origin):
            raise Forbidden("Pages of this origin may not connect", code="origin_not_allowed")
        offered = _listed(inbound.said(OFFERED))
        if TOKEN in offered[:-1]:
            at = offered.index(TOKEN)
            _authorize(inbound, offered.pop(at + 1))
            offered.remove(TOKEN)
            _replace(inbound, OFFERED, ", ".join(offered))

    async def join(self, exchange: Exchange, route: Route, receive: Receive) -> None:
        """Ask the service to upgrade and stay until the connection ends; its refusal is passed on.

        Raises what `Streams.opened` does, before the service hears of it.
        """
        offered = TOKEN in _listed(_as_sent(exchange))

        async def tunnel(answer: Connection) -> None:
            await self._tunnel(exchange, answer, offered=offered)

        exchange.inbound.passed.extend(UPGRADE)
        with self.forwarder.streams.opened(exchange, route):
            await self.forwarder.forward(exchange, route, receive, upgraded=tunnel)

    async def _tunnel(self, exchange: Exchange, answer: Connection, *, offered: bool) -> None:
        if not answer.is_open:
            raise BadGateway
        transport, begun = answer.detach()
        tunnel = Tunnel(transport)
        exchange.hold(101)
        take_over: TakeOver = exchange.scope[TAKE_OVER]
        if not take_over(whole(101, _switching(exchange, answer.headers, offered=offered), b""), tunnel, begun):
            raise ClientLeft
        try:
            with self.held.holding(exchange.identity, exchange.renewal, lambda reason: tunnel.end(NOT_LET_IN, reason)):
                await tunnel.over.wait()
        finally:
            if not tunnel.over.is_set():
                tunnel.abort()


def _switching(exchange: Exchange, headers: Headers, *, offered: bool) -> Headers:
    given = [*answer_headers(headers, 101), *UPGRADE, *exchange.marks()]
    if offered and OFFERED not in dict(given):
        # A browser that offered something hangs up when nothing of it is chosen.
        given.append((OFFERED, TOKEN.encode()))
    return given


def _as_sent(exchange: Exchange) -> str:
    headers: list[Header] = exchange.scope["headers"]
    return ",".join(value.decode("latin-1") for name, value in headers if name == OFFERED)


def _listed(value: str | None) -> list[str]:
    return [part.strip() for part in (value or "").split(",") if part.strip()]


def _authorize(inbound: Inbound, token: str) -> None:
    """A token in the Authorization header wins: there is one credential, and the service gets the same."""
    if b"authorization" not in inbound.read:
        inbound.bear(token)
        inbound.read[b"authorization"] = f"Bearer {token}"


def _replace(inbound: Inbound, name: bytes, value: str) -> None:
    inbound.drop(name)
    if value:
        inbound.passed.append((name, value.encode("latin-1")))
