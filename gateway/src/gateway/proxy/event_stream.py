"""The end of an event stream when the gateway stops: the client is told when to connect again.

Source: the HTML standard, server-sent events: `retry:` sets the client's pause in milliseconds.
"""

from random import randrange

RETRY_MILLISECONDS = (1_000, 5_000)
"""Random, so that the clients of one gateway do not all come back at once."""
BLANK_LINES = (b"\n\n", b"\r\r", b"\r\n\r\n")


class EventStream:
    """Follows the bytes of a stream to know whether it stands between two events."""

    def __init__(self) -> None:
        self._tail = BLANK_LINES[0]

    def feed(self, piece: bytes) -> None:
        self._tail = (self._tail + piece)[-4:]

    def farewell(self) -> bytes:
        """The last bytes for the client; none in the middle of an event, which the client then discards."""
        if not self._tail.endswith(BLANK_LINES):
            return b""
        return b"retry: %d\n\n" % randrange(*RETRY_MILLISECONDS)  # noqa: S311  (a pause is no secret)
