"""Two connections joined, a client's and a service's: bytes pass both ways as they are, no faster than they are taken.

Of WebSocket (RFC 6455) only as much is known as it takes to end one between two frames with a reason.
"""

import asyncio
import struct

GOING_AWAY = 1001
NOT_LET_IN = 4401
"""Of the codes that applications may choose: what 401 is to a request."""
LAST_WORDS = 1.0
"""Seconds that a client has to take the closing frame and to hang up."""
FLUSHED = 10.0
"""Seconds that a client has to take what a service wrote before it hung up."""


class Frames:
    """Follows the frames of a stream, to know where one ends."""

    def __init__(self) -> None:
        self._head = b""
        self._left = 0

    @property
    def is_between(self) -> bool:
        return not self._left and not self._head

    def passed(self, data: bytes) -> None:
        at = 0
        while at < len(data):
            skipped = min(self._left, len(data) - at)
            self._left -= skipped
            at += skipped
            if at < len(data):
                self._begin(data[at : at + 1])
                at += 1

    def _begin(self, byte: bytes) -> None:
        self._head += byte
        if len(self._head) == _head_size(self._head):
            self._left = _payload_size(self._head)
            self._head = b""


def _head_size(head: bytes) -> int | None:
    """Bytes before the payload, None when not even that can be told yet."""
    if len(head) < 2:
        return None
    masked = 4 if head[1] & 0x80 else 0
    return 2 + {126: 2, 127: 8}.get(head[1] & 0x7F, 0) + masked


def _payload_size(head: bytes) -> int:
    size = head[1] & 0x7F
    if size == 126:
        (size,) = struct.unpack_from("!H", head, 2)
    elif size == 127:
        (size,) = struct.unpack_from("!Q", head, 2)
    return size


class Tunnel:
    """Takes over the `service`'s connection at once, and passes on from `start`. `over` is set at its end."""

    def __init__(self, service: asyncio.Transport) -> None:
        self.over = asyncio.Event()
        self._service = service
        self._client: asyncio.Transport | None = None
        self._frames = Frames()
        self._is_closing = False
        service.set_protocol(_ServiceSide(self))

    def start(self, client: asyncio.Transport, begun: bytes) -> None:
        """`begun` is what the service sent already."""
        self._client = client
        if begun:
            self.from_service(begun)
        self._service.resume_reading()

    def end(self, code: int, reason: str) -> None:
        """Tell the client why, between two frames, and hang up on the service; in the middle of one just hang up."""
        if self._is_closing or self._client is None:
            return
        self._is_closing = True
        self._service.abort()
        if not self._frames.is_between:
            self.abort()
            return
        said = struct.pack("!H", code) + reason.encode()
        self._client.write(bytes((0x88, len(said))) + said)
        # Until the client hangs up, or for this long: to close with bytes unread could lose what was written.
        asyncio.get_running_loop().call_later(LAST_WORDS, self.abort)

    def abort(self) -> None:
        for side in (self._service, self._client):
            if side is not None:
                side.abort()
        self.over.set()

    # What the two connections tell.

    def from_client(self, data: bytes) -> None:
        if not self._is_closing:
            self._service.write(data)

    def from_service(self, data: bytes) -> None:
        if self._client is not None and not self._is_closing:
            self._frames.passed(data)
            self._client.write(data)

    def client_is_full(self, full: bool) -> None:
        _hold(self._service, full)

    def service_is_full(self, full: bool) -> None:
        _hold(self._client, full)

    def client_left(self) -> None:
        self._service.close()
        self.over.set()

    def service_left(self) -> None:
        if self._client is not None and not self._is_closing:
            self._client.close()
            asyncio.get_running_loop().call_later(FLUSHED, self._client.abort)
            self.over.set()


def _hold(side: asyncio.Transport | None, held: bool) -> None:
    if side is None or side.is_closing():
        return
    if held:
        side.pause_reading()
    else:
        side.resume_reading()


class _ServiceSide(asyncio.Protocol):
    def __init__(self, tunnel: Tunnel) -> None:
        self._tunnel = tunnel

    def data_received(self, data: bytes) -> None:
        self._tunnel.from_service(data)

    def pause_writing(self) -> None:
        self._tunnel.service_is_full(True)

    def resume_writing(self) -> None:
        self._tunnel.service_is_full(False)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._tunnel.service_left()
