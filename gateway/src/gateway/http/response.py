"""Writing responses: security headers, request id and trace, compression, HEAD, and the error envelope."""

from functools import lru_cache
from http import HTTPStatus

from common.errors import DukanError
from common.web.access_log import NO_STORE
from common.web.error_responses import error_response
from gateway.http.compression import VARY_ENCODING, Compressor, compress, encoded_headers, is_compressible, negotiate
from gateway.http.context import WRITE_RESPONSE, RequestContext, WriteResponse
from gateway.http.headers import Header, Headers, header_lines

# Responses of an API are data: a browser must not run, frame or sniff them.
SECURITY_HEADERS: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
CSP = b"content-security-policy"
NO_ACTIVE_CONTENT: Header = (CSP, b"default-src 'none'; frame-ancestors 'none'")
CONTENT_LENGTH = b"content-length"
CLOSE: Header = (b"connection", b"close")
BODILESS = frozenset((204, 304))
CLOSING_STATUSES = frozenset((400, 408, 413, 431))
"""After these the start of the next request on the connection is not certain, so the connection is closed."""


def serialize(status: int, headers: Headers, body: bytes) -> bytes:
    """A whole response as it is written on the wire."""
    return b"".join((_status_line(status), header_lines(headers), b"\r\n", body))


@lru_cache(maxsize=1000)
def _status_line(status: int) -> bytes:
    known = HTTPStatus.__members__.values()
    return b"HTTP/1.1 %d %s\r\n" % (status, HTTPStatus(status).phrase.encode() if status in known else b"")


def secured(headers: Headers) -> Headers:
    """The headers, with those that stop a browser from treating the response as anything but data."""
    if CSP in dict(headers):
        return [*headers, *SECURITY_HEADERS]
    return [*headers, *SECURITY_HEADERS, NO_ACTIVE_CONTENT]


def tracing_headers(context: RequestContext) -> Headers:
    """The ids under which logs and traces list the request."""
    return [
        (b"x-request-id", context.origin.correlation_id.encode()),
        (b"traceparent", (context.origin.traceparent or "").encode()),
    ]


async def send_response(context: RequestContext, status: int, headers: Headers, body: bytes) -> None:
    """Send a whole response, in one write where the server can. `headers` may contain the body's length."""
    if context.observer is not None:
        context.observer.on_start(status, headers)
        context.observer.on_body(body)
    if context.method == "HEAD":
        headers, body = _headers_of_head(context, status, headers, body), b""
    else:
        if _may_compress(context, status, headers, len(body)):
            headers = [*headers, VARY_ENCODING]
            if (coding := negotiate(context.headers)) is not None:
                headers, body = encoded_headers(headers, coding), await compress(coding, body)
        if status not in BODILESS and CONTENT_LENGTH not in dict(headers):
            headers = [*headers, (CONTENT_LENGTH, b"%d" % len(body))]
    complete = _completed(context, status, headers)
    closes = CLOSE in headers or CLOSE in context.response_headers
    write: WriteResponse | None = None if closes else context.scope.get(WRITE_RESPONSE)
    if write is not None and write(status, complete, body):
        return
    await context.send({"type": "http.response.start", "status": status, "headers": complete})
    await context.send({"type": "http.response.body", "body": body})


def _headers_of_head(context: RequestContext, status: int, headers: Headers, body: bytes) -> Headers:
    """The headers that GET would get. The length is that of the service or of the page, and left out if the body would
    be compressed (RFC 9110, 8.6).
    """
    if body and CONTENT_LENGTH not in dict(headers):
        headers = [*headers, (CONTENT_LENGTH, b"%d" % len(body))]
    if _may_compress(context, status, headers, int(dict(headers).get(CONTENT_LENGTH, b"0"))):
        headers = [*headers, VARY_ENCODING]
        if (coding := negotiate(context.headers)) is not None:
            headers = encoded_headers(headers, coding)
    return headers


async def start_response(context: RequestContext, status: int, headers: Headers) -> None:
    """Send status and headers; `write_body` follows. A later failure can only close the connection."""
    if context.observer is not None:
        context.observer.on_start(status, headers)
    if _may_compress(context, status, headers, int(dict(headers).get(CONTENT_LENGTH, b"0"))):
        headers = [*headers, VARY_ENCODING]
        if (coding := negotiate(context.headers)) is not None:
            headers, context.compressor = encoded_headers(headers, coding), Compressor(coding)
    complete = _completed(context, status, headers)
    await context.send({"type": "http.response.start", "status": status, "headers": complete})


async def write_body(context: RequestContext, piece: bytes, *, more: bool = False) -> None:
    """Send a piece of the body, the last one without `more`."""
    if context.observer is not None:
        context.observer.on_body(piece)
    if context.compressor is not None:
        piece = await context.compressor.add(piece, more=more)
    if piece or not more:
        await context.send({"type": "http.response.body", "body": piece, "more_body": more})


async def send_error(context: RequestContext, error: DukanError) -> None:
    """Send the error in the error envelope."""
    response = error_response(error)
    headers = [*(pair for pair in response.raw_headers if pair[0] != CONTENT_LENGTH), NO_STORE]
    if error.status in CLOSING_STATUSES:
        headers.append(CLOSE)
    await send_response(context, error.status, headers, bytes(response.body))


def _may_compress(context: RequestContext, status: int, headers: Headers, length: int) -> bool:
    return (context.route is None or context.route.compresses) and is_compressible(status, headers, length)


def _completed(context: RequestContext, status: int, headers: Headers) -> Headers:
    context.status = status
    return [*secured(headers), *tracing_headers(context), *context.response_headers]
