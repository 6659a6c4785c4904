"""Joins a client's connection and a service's: bytes pass both ways unchanged, no faster than they are read.

Of WebSocket (RFC 6455) it knows only how to send a close frame between two frames.
"""

import asyncio
import struct

CLOSE_FRAME = 0x88
SERVICE_RESTART = 1012
"""In the IANA registry of close codes: the client may connect again, after a short random pause."""
UNAUTHORIZED = 4401
"""From the range for applications: what 401 is to a request."""
CLOSE_TIMEOUT_SECONDS = 1.0
"""How long a client has to read the close frame and to close the connection."""
FLUSH_TIMEOUT_SECONDS = 10.0
"""How long a client has to read what a service wrote before it closed the connection."""


class FrameTracker:
    """Follows the frames of a stream to know where one ends."""

    def __init__(self) -> None:
        self._head = b""
        self._remaining = 0

    @property
    def is_at_boundary(self) -> bool:
        return not self._remaining and not self._head

    def feed(self, data: bytes) -> None:
        position = 0
        while position < len(data):
            skipped = min(self._remaining, len(data) - position)
            self._remaining -= skipped
            position += skipped
            if position < len(data):
                self._feed_head(data[position : position + 1])
                position += 1

    def _feed_head(self, byte: bytes) -> None:
        self._head += byte
        if len(self._head) == _head_size(self._head):
            self._remaining = _payload_size(self._head)
            self._head = b""


def _head_size(head: bytes) -> int | None:
    """Bytes before the payload, None if the head is still too short to tell."""
    if len(head) < 2:
        return None
    mask = 4 if head[1] & 0x80 else 0
    return 2 + {126: 2, 127: 8}.get(head[1] & 0x7F, 0) + mask


def _payload_size(head: bytes) -> int:
    size = head[1] & 0x7F
    if size == 126:
        (size,) = struct.unpack_from("!H", head, 2)
    elif size == 127:
        (size,) = struct.unpack_from("!Q", head, 2)
    return size


class Tunnel:
    """Takes over the `service`'s connection on creation, and relays from `start` on. `closed` is set at its end."""

    def __init__(self, service: asyncio.Transport) -> None:
        self.closed = asyncio.Event()
        self._service = service
        self._client: asyncio.Transport | None = None
        self._frames = FrameTracker()
        self._is_closing = False
        service.set_protocol(_ServiceSide(self))

    def start(self, client: asyncio.Transport, received: bytes) -> None:
        """`received` is what the service has sent already."""
        self._client = client
        if received:
            self.from_service(received)
        self._service.resume_reading()

    def close(self, code: int, reason: str) -> None:
        """Send the client a close frame and close the service's connection; in the middle of a frame just close."""
        if self._is_closing or self._client is None:
            return
        self._is_closing = True
        self._service.abort()
        if not self._frames.is_at_boundary:
            self.abort()
            return
        payload = struct.pack("!H", code) + reason.encode()
        self._client.write(bytes((CLOSE_FRAME, len(payload))) + payload)
        # Until the client closes, or for this long: closing with unread bytes could lose the frame.
        asyncio.get_running_loop().call_later(CLOSE_TIMEOUT_SECONDS, self.abort)

    def shut_down(self) -> None:
        self.close(SERVICE_RESTART, "restarting, connect again")

    def abort(self) -> None:
        for side in (self._service, self._client):
            if side is not None:
                side.abort()
        self.closed.set()

    # Called by the two connections.

    def from_client(self, data: bytes) -> None:
        if not self._is_closing:
            self._service.write(data)

    def from_service(self, data: bytes) -> None:
        if self._client is not None and not self._is_closing:
            self._frames.feed(data)
            self._client.write(data)

    def client_is_full(self, full: bool) -> None:
        _pause_reading(self._service, full)

    def service_is_full(self, full: bool) -> None:
        _pause_reading(self._client, full)

    def client_disconnected(self) -> None:
        self._service.close()
        self.closed.set()

    def service_disconnected(self) -> None:
        if self._client is not None and not self._is_closing:
            self._client.close()
            asyncio.get_running_loop().call_later(FLUSH_TIMEOUT_SECONDS, self._client.abort)
            self.closed.set()


def _pause_reading(side: asyncio.Transport | None, pause: bool) -> None:
    if side is None or side.is_closing():
        return
    if pause:
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
        self._tunnel.service_disconnected()
